package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The kernels are CUDA to NVIDIA's compiler too, for each architecture, and none spills registers.
 */
class NvccCompileTest {
    private static final List<String> ARCHITECTURES = List.of("80", "89", "90a");
    private static final Pattern SPILL =
            Pattern.compile(
                    "entry function '(\\w+)' for '(\\w+)'[^']*?(\\d+) bytes spill stores, (\\d+)"
                            + " bytes spill loads");

    @TempDir private Path folder;
    private Path nvcc;

    @BeforeEach
    void find() {
        nvcc = findNvcc();
        if (nvcc == null) {
            System.err.println(
                    "SKIPPED: kernels compiled by nvcc, for it is neither on the PATH nor in"
                            + " CUDA_HOME; ops/cuda-toolchain installs it below .millrace/cuda");
        }
        assumeTrue(nvcc != null, "no nvcc");
    }

    private static Path findNvcc() {
        Path onPath = Tool.find("nvcc");
        String home = System.getenv("CUDA_HOME");
        return Stream.of(
                        onPath,
                        home == null ? null : Path.of(home, "bin/nvcc"),
                        Path.of("../.millrace/cuda/toolkit/bin/nvcc"))
                .filter(path -> path != null && Files.isExecutable(path))
                .findFirst()
                .orElse(null);
    }

    @Test
    void everyKernelCompilesWithoutSpills() throws Exception {
        List<Callable<String>> compilations = new ArrayList<>();
        try (Stream<Path> sources = Files.list(EmulatedCudaBuild.KERNELS)) {
            sources.filter(f -> f.toString().endsWith(".cu"))
                    .sorted()
                    .forEach(f -> compilations.add(() -> compile(f)));
        }
        assertTrue(compilations.size() > 10, "found only " + compilations.size() + " sources");
        List<String> spills = new ArrayList<>();
        int kernels = 0;
        try (ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
            for (Future<String> output : pool.invokeAll(compilations)) {
                // Also what makes the compiler wait after every wgmma, or ignore setmaxnreg.
                assertFalse(output.get().contains("Potential Performance Loss"), output.get());
                assertFalse(output.get().contains("setmaxnreg ignored"), output.get());
                Matcher matcher = SPILL.matcher(output.get());
                while (matcher.find()) {
                    kernels++;
                    if (!matcher.group(3).equals("0") || !matcher.group(4).equals("0")) {
                        spills.add(matcher.group(1) + " for " + matcher.group(2));
                    }
                }
            }
        }
        assertEquals(List.of(), spills);
        assertTrue(
                kernels > 40 * ARCHITECTURES.size(),
                "found only " + kernels + " kernels in the compiler's report");
    }

    /** A control: the compiler's refusal and its report of a spill would be seen. */
    @Test
    void whatIsWrongIsSeen() throws Exception {
        Path wrong =
                Files.writeString(
                        folder.resolve("wrong.cu"),
                        "extern \"C\" __global__ void k() { missing(); }");
        assertThrows(AssertionError.class, () -> compile(wrong));
        Path hungry =
                Files.writeString(
                        folder.resolve("hungry.cu"),
                        """
                        extern "C" __global__ void __launch_bounds__(1024, 2) hungry(float* x) {
                            float v[64];
                            #pragma unroll
                            for (int i = 0; i < 64; i++) v[i] = x[i * 97 + threadIdx.x];
                            __syncthreads();
                            #pragma unroll
                            for (int i = 0; i < 64; i++) {
                                x[threadIdx.x * 64 + i] = v[i] * v[63 - i] + v[(i * 7) % 64];
                            }
                        }\
                        """);
        Matcher matcher = SPILL.matcher(compile(hungry));
        assertTrue(matcher.find() && Integer.parseInt(matcher.group(3)) > 0, "no spill found");
    }

    private String compile(Path source) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(nvcc.toString(), "-std=c++17", "-O3", "-Xptxas", "-v", "-fatbin"));
        for (String arch : ARCHITECTURES) {
            command.add("-gencode=arch=compute_" + arch + ",code=sm_" + arch);
        }
        command.addAll(
                List.of(
                        "-o",
                        folder.resolve(source.getFileName() + ".fatbin").toString(),
                        source.toString()));
        return Tool.run(command);
    }
}
