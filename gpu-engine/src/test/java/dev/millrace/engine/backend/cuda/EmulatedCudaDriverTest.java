package dev.millrace.engine.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What the emulated device refuses rather than bring the process down. */
class EmulatedCudaDriverTest {
    private EmulatedCudaDriver driver;

    @BeforeEach
    void open() {
        driver = new EmulatedCudaDriver();
    }

    @AfterEach
    void close() {
        driver.close();
    }

    /** Such a launch read whatever lay behind the arguments, and ended the JVM. */
    @Test
    void aLaunchWithAnArgumentTooFew() {
        long ints = driver.allocate(64);
        driver.fill(ints, 0, 64);
        KernelArgs args = new KernelArgs();
        args.begin().pointer(ints).pointer(ints).i32(16);
        driver.launch("resolve_tokens", LaunchPlan.elements(16), args);
        driver.synchronize();
        args.begin().pointer(ints).pointer(ints);
        driver.launch("resolve_tokens", LaunchPlan.elements(16), args);
        CudaException e = assertThrows(CudaException.class, driver::synchronize);
        assertTrue(e.getMessage().contains("2 arguments for 3 parameters"), e.getMessage());
    }

    @Test
    void aCopyWhoseHostMemoryIsGone() {
        long bytes = driver.allocate(64);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(64);
            driver.fill(bytes, 7, 64);
            driver.copyToHost(host, bytes);
            driver.synchronize();
            assertEquals(7, host.get(ValueLayout.JAVA_BYTE, 63));
            driver.copyToHost(host, bytes);
        }
        CudaException e = assertThrows(CudaException.class, driver::synchronize);
        assertTrue(e.getMessage().contains("was freed before the copy ran"), e.getMessage());
    }

    @Test
    void aProductThatIsLargerThanItsBuffers() {
        long in = driver.allocate(2 * 16 * 16);
        long out = driver.allocate(2 * 16 * 16);
        CudaLinear weights =
                new CudaLinear("test", CudaLinear.Format.BF16, 16, 16, in, 0, 0, 0);
        driver.multiply(new Gemm(weights, in, 0, 0, out, false, 16));
        driver.synchronize();
        driver.multiply(new Gemm(weights, in, 0, 0, out, false, 17));
        CudaException e = assertThrows(CudaException.class, driver::synchronize);
        assertTrue(e.getMessage().contains("544 bytes at byte 0 of allocation"), e.getMessage());
    }
}
