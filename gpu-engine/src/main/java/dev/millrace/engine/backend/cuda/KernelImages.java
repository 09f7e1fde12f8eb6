package dev.millrace.engine.backend.cuda;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The kernels as machine code for one architecture: from the cache, else compiled by nvcc where one
 * is found (PATH, CUDA_HOME, or the folder of ops/cuda-toolchain), else by nvrtc. The cache's key
 * is the hash of all sources.
 */
final class KernelImages {
    private static final Logger LOG = LoggerFactory.getLogger(KernelImages.class);

    private final SortedMap<String, String> sources;
    private final String arch;
    private final Path folder;

    KernelImages(String arch) {
        this.arch = arch;
        sources = new TreeMap<>(ResourceFolder.read("/cuda"));
        sources.keySet().removeIf(name -> name.endsWith(".md"));
        folder =
                CacheFolder.path()
                        .resolve("kernels")
                        .resolve(CacheFolder.hash(sources) + "-" + arch);
    }

    /** Where the compiled files of these sources lie. */
    Path folder() {
        return folder;
    }

    /** The source files that hold kernels. */
    List<String> files() {
        return sources.keySet().stream().filter(name -> name.endsWith(".cu")).toList();
    }

    /** The machine code of a source file. */
    byte[] image(String file) {
        Path image = folder.resolve(file.replace(".cu", ".cubin"));
        try {
            if (!Files.exists(image)) {
                Files.createDirectories(folder);
                Path built = Files.createTempFile(folder, "kernel", ".tmp");
                compile(file, built);
                CacheFolder.publish(built, image);
            }
            return Files.readAllBytes(image);
        } catch (IOException e) {
            throw new DeviceUnavailableException(
                    "device cuda: compiled kernels cannot be kept in "
                            + folder
                            + ": "
                            + e.getMessage(),
                    e);
        }
    }

    private void compile(String file, Path to) throws IOException {
        Optional<Path> nvcc = nvcc();
        if (nvcc.isEmpty()) {
            LOG.info("compiling {} for {} with nvrtc", file, arch);
            Files.write(to, NvrtcCompiler.compile(file, sources, arch));
            return;
        }
        LOG.info("compiling {} for {} with {}", file, arch, nvcc.get());
        Path work = Files.createTempDirectory("millrace-kernels");
        for (var source : sources.entrySet()) {
            Files.writeString(work.resolve(source.getKey()), source.getValue());
        }
        String number = arch.substring("sm_".length());
        ToolRun.run(
                work,
                List.of(
                        nvcc.get().toString(),
                        "-O3",
                        "-std=c++17",
                        "-gencode=arch=compute_" + number + ",code=" + arch,
                        "-cubin",
                        "-o",
                        to.toAbsolutePath().toString(),
                        file));
        for (String source : sources.keySet()) {
            Files.deleteIfExists(work.resolve(source));
        }
        Files.deleteIfExists(work);
    }

    /** A CUDA compiler, where one is found. */
    static Optional<Path> nvcc() {
        String home = System.getenv("CUDA_HOME");
        if (home != null && Files.isExecutable(Path.of(home, "bin", "nvcc"))) {
            return Optional.of(Path.of(home, "bin", "nvcc"));
        }
        String checkout = System.getProperty("millrace.home");
        if (checkout != null) {
            Path installed = Path.of(checkout, ".millrace", "cuda", "toolkit", "bin", "nvcc");
            if (Files.isExecutable(installed)) {
                return Optional.of(installed);
            }
        }
        return ToolRun.find("nvcc");
    }
}
