package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Builds kernels and emulation into one library under target/, once per state of the sources. */
final class EmulatedCudaBuild {
    static final Path KERNELS = Path.of("src/main/resources/cuda");
    static final Path EMULATION = Path.of("src/main/emulation");
    private static final Path FAULTY = Path.of("src/test/emulation");
    private static final Path TARGET = Path.of("target/emulation");

    /**
     * What is built for a device before sm_89: kernels whose code differs there, and what their
     * tests need.
     */
    private static final Set<String> ARCH_DEPENDENT =
            Set.of(
                    "quantize.cu",
                    "attention_decode.cu",
                    "attention_prefill.cu",
                    "attention_combine.cu",
                    "gemm.cu");

    private EmulatedCudaBuild() {}

    /**
     * The library of all kernels and of the faulty ones that the emulation's own tests run.
     *
     * @param arch what the kernels take for the device's architecture: 800, 890
     */
    static Path library(int arch) throws IOException, InterruptedException {
        boolean found = Tool.find("g++") != null;
        if (!found) {
            System.err.println("SKIPPED: kernels under emulation, for there is no g++ on the PATH");
        }
        assumeTrue(found, "no g++ on the PATH");
        List<Path> sources = new ArrayList<>();
        for (Path folder : List.of(KERNELS, EMULATION, FAULTY)) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(f -> f.toString().matches(".*\\.(cu|cuh|cpp|h)"))
                        .sorted()
                        .forEach(sources::add);
            }
        }
        Path library =
                TARGET.resolve("kernels-" + arch + "-" + hash(sources) + ".so").toAbsolutePath();
        if (!Files.exists(library)) {
            build(sources, arch, library);
        }
        return library;
    }

    private static void build(List<Path> sources, int arch, Path library)
            throws IOException, InterruptedException {
        Files.createDirectories(TARGET);
        Path objects = Files.createTempDirectory(TARGET, "build");
        List<Process> compilers = new ArrayList<>();
        List<String> link =
                new ArrayList<>(
                        List.of("g++", "-shared", "-o", objects.resolve("kernels.so").toString()));
        for (Path source : sources) {
            String name = source.getFileName().toString();
            boolean kernel = name.endsWith(".cu");
            boolean skipped = kernel && arch < 890 && !ARCH_DEPENDENT.contains(name);
            if (skipped || (!kernel && !name.endsWith(".cpp"))) {
                continue;
            }
            String object = objects.resolve(name + ".o").toString();
            link.add(object);
            List<String> command =
                    new ArrayList<>(List.of("g++", "-std=c++17", "-march=native", "-fPIC", "-w"));
            command.addAll(
                    kernel
                            ? List.of(
                                    "-O2",
                                    "-fno-strict-aliasing",
                                    "-ffp-contract=off",
                                    "-fsanitize=thread",
                                    "-DMR_EMULATE",
                                    "-DMR_ARCH=" + arch,
                                    "-I",
                                    KERNELS.toString(),
                                    "-I",
                                    EMULATION.toString(),
                                    "-x",
                                    "c++")
                            : List.of("-O3"));
            command.addAll(List.of("-c", source.toString(), "-o", object));
            compilers.add(new ProcessBuilder(command).inheritIO().start());
        }
        for (Process compiler : compilers) {
            if (compiler.waitFor() != 0) {
                throw new AssertionError("g++ refused a kernel; its words are above");
            }
        }
        Tool.run(link);
        Files.move(objects.resolve("kernels.so"), library, StandardCopyOption.ATOMIC_MOVE);
    }

    private static String hash(List<Path> sources) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path source : sources) {
                digest.update(Files.readAllBytes(source));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
