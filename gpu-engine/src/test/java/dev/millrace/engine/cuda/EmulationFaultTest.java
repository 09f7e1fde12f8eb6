package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Files;

/**
 * The emulation refuses what a GPU may or may not notice. Fault 0 of every kernel is its sound
 * twin.
 */
class EmulationFaultTest {
    private EmulatedCuda cuda;

    @BeforeEach
    void open() throws Exception {
        cuda = EmulatedCuda.open();
    }

    @AfterEach
    void close() {
        if (cuda != null) {
            cuda.close();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    faulty_shared  | 64 | 256 | 1 | data race:
                    faulty_shared  | 64 | 256 | 2 | data race:
                    faulty_shared  | 64 | 256 | 3 | which was never written
                    faulty_shared  | 64 | 256 | 4 | data race: writes byte
                    faulty_shared  | 64 | 256 | 5 | out of bounds: byte 256 of shared memory
                    faulty_warp    | 32 | 128 | 1 | data race: reads byte
                    faulty_barrier | 64 | 0   | 1 | stuck; of 64 threads 32 wait at __syncthreads
                    faulty_barrier | 64 | 0   | 2 | stuck; of 64 threads 32 wait at __syncthreads
                    faulty_barrier | 64 | 0   | 3 | in a warp operation that other lanes never reach
                    faulty_barrier | 64 | 0   | 4 | meets other lanes of its warp in a different operation
                    """)
    void sharedMemoryAndBarriers(String kernel, int block, int shared, int fault, String words) {
        DeviceArray out = cuda.allocate(4L * block);
        assertNull(cuda.tryLaunch(kernel, Shape.of(1, block, shared), out, 0));
        assertRefused(words, cuda.tryLaunch(kernel, Shape.of(1, block, shared), out, fault));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    1 | while a cp.async to it may be under way
                    2 | data race:
                    3 | that nobody waited for
                    """)
    void asynchronousCopies(int fault, String words) {
        DeviceArray in = cuda.ints(new int[128]);
        DeviceArray out = cuda.allocate(128);
        assertNull(cuda.tryLaunch("faulty_async", Shape.of(1, 32, 512), in, out, 0));
        assertRefused(words, cuda.tryLaunch("faulty_async", Shape.of(1, 32, 512), in, out, fault));
        assertNull(
                cuda.tryLaunch("faulty_async", Shape.of(1, 32, 512), in, out, 0),
                "a failure leaves a trace");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    1 | with no fence.proxy.async behind it
                    2 | data race: wgmma reads byte
                    3 | wgmma with no wgmma.fence
                    4 | does not begin at a multiple of 1024 bytes
                    5 | which wgmma of warp group 0 read with no barrier between
                    6 | while wgmma may be reading it
                    7 | 128 for arrivals at an mbarrier
                    8 | which belongs to an mbarrier
                    """)
    void productsOfWarpGroups(int fault, String words) {
        DeviceArray out = cuda.allocate(512);
        Shape shape = Shape.of(1, 256, 24_592);
        assertNull(cuda.tryLaunch("faulty_wgmma", shape, out, 0));
        for (int sum : out.ints()) {
            assertEquals(32, sum, "16 times one times two");
        }
        assertRefused(words, cuda.tryLaunch("faulty_wgmma", shape, out, fault));
        assertNull(cuda.tryLaunch("faulty_wgmma", shape, out, 0), "a failure leaves a trace");
    }

    @ParameterizedTest
    @CsvSource({
        "1, byte 256 of allocation",
        "-1, out of bounds: reads 4 bytes",
        "1000000, out of bounds: reads 4 bytes"
    })
    void globalMemory(int shift, String words) {
        DeviceArray in = cuda.ints(new int[64]);
        DeviceArray out = cuda.allocate(256);
        assertNull(cuda.tryLaunch("faulty_global", Shape.of(1, 64, 0), in, out, 0));
        assertRefused(words, cuda.tryLaunch("faulty_global", Shape.of(1, 64, 0), in, out, shift));
        assertRefused(
                "out of bounds: writes",
                cuda.tryLaunch("faulty_global", Shape.of(1, 64, 0), in, cuda.allocate(252), 0));
    }

    @Test
    void launchesThatCudaWouldRefuse() {
        DeviceArray out = cuda.allocate(256);
        assertRefused("no kernel named nothing", cuda.tryLaunch("nothing", Shape.of(1, 64, 0)));
        assertRefused(
                "cannot be launched", cuda.tryLaunch("faulty_warp", Shape.of(0, 32, 128), out, 0));
        assertRefused(
                "at most 1024 threads",
                cuda.tryLaunch("faulty_warp", Shape.of(1, 2048, 128), out, 0));
        assertRefused(
                "shared memory", cuda.tryLaunch("faulty_warp", Shape.of(1, 32, 1 << 20), out, 0));
    }

    /** A kernel reads as many arguments as it has parameters: one too few is somebody's memory. */
    @Test
    void argumentsThatAreNotTheParameters() {
        DeviceArray out = cuda.allocate(256);
        assertNull(cuda.tryLaunch("faulty_warp", Shape.of(1, 32, 128), out, 0));
        assertRefused(
                "faulty_warp: 1 arguments for 2 parameters",
                cuda.tryLaunch("faulty_warp", Shape.of(1, 32, 128), out));
        assertRefused(
                "argument 1 has 8 bytes, its parameter 4",
                cuda.tryLaunch("faulty_warp", Shape.of(1, 32, 128), out, 0L));
    }

    @Test
    void everyKernelIsInTheTable() throws Exception {
        String table = Files.readString(EmulatedCudaBuild.KERNELS.resolve("README.md"));
        for (String kernel : cuda.kernelNames()) {
            String suffix = kernel.replaceFirst("^attention_(decode|prefill)", "");
            assertTrue(
                    kernel.startsWith("faulty_")
                            || table.contains("`" + kernel + "`")
                            || table.contains("`" + suffix + "`"),
                    kernel + " is not in README.md");
        }
        assertEquals(cuda.kernelNames().size(), cuda.kernelNames().stream().distinct().count());
    }

    private static void assertRefused(String words, String error) {
        assertNotNull(error, "accepted what should be refused with: " + words);
        assertTrue(error.contains(words), error);
    }
}
