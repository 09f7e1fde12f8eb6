package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.CpuInfo;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Builds the kernels as host code together with the emulation of the device, once per state of the
 * sources. Needs a C++ compiler.
 */
final class EmulationBuild {
    private static final Logger LOG = LoggerFactory.getLogger(EmulationBuild.class);
    private static final List<String> COMPILERS = List.of("g++", "c++", "clang++");
    private static final List<String> FLAGS =
            List.of("-std=c++17", "-march=native", "-fPIC", "-w", "-I.", "-x", "c++", "-c");

    /**
     * The sanitizer's calls at every access end in the emulation, which checks them; the library of
     * it is not used.
     */
    private static final List<String> KERNEL_FLAGS =
            List.of(
                    "-O2",
                    "-fno-strict-aliasing",
                    "-ffp-contract=off",
                    "-DMR_EMULATE",
                    "-fsanitize=thread");

    private EmulationBuild() {}

    /**
     * The library, from the cache or built now.
     *
     * @throws DeviceUnavailableException without a compiler
     */
    static Path library() {
        SortedMap<String, String> sources = new TreeMap<>(ResourceFolder.read("/cuda"));
        sources.putAll(ResourceFolder.read("/cuda-emulation"));
        sources.keySet().removeIf(name -> name.endsWith(".md"));
        sources.put("processor", processor());
        Path library =
                CacheFolder.path()
                        .resolve("emulation")
                        .resolve("kernels-" + CacheFolder.hash(sources) + ".so");
        if (!Files.exists(library)) {
            build(sources, library);
        }
        return library;
    }

    /**
     * The library is built for this processor's instructions, so that another one needs another
     * library.
     */
    private static String processor() {
        return CpuInfo.field("flags").orElse("unknown");
    }

    private static void build(SortedMap<String, String> sources, Path library) {
        Path compiler =
                COMPILERS.stream()
                        .flatMap(name -> ToolRun.find(name).stream())
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        new DeviceUnavailableException(
                                                "device cuda-emulated needs a C++ compiler, and"
                                                    + " none of "
                                                        + String.join(", ", COMPILERS)
                                                        + " is on the PATH; on Debian: apt-get"
                                                        + " install g++"));
        try {
            Path folder = Files.createTempDirectory("millrace-emulation");
            try {
                for (var source : sources.entrySet()) {
                    Files.writeString(folder.resolve(source.getKey()), source.getValue());
                }
                LOG.info(
                        "building the kernels for the emulated device with {}: {}",
                        compiler,
                        library);
                List<String> objects = compile(folder, compiler, sources);
                List<String> link =
                        new ArrayList<>(
                                List.of(compiler.toString(), "-shared", "-o", "kernels.so"));
                link.addAll(objects);
                ToolRun.run(folder, link);
                Files.createDirectories(library.getParent());
                Path copy = Files.createTempFile(library.getParent(), "kernels", ".tmp");
                Files.write(copy, Files.readAllBytes(folder.resolve("kernels.so")));
                CacheFolder.publish(copy, library);
            } finally {
                delete(folder);
            }
        } catch (IOException e) {
            throw new DeviceUnavailableException(
                    "device cuda-emulated: " + library + " cannot be built: " + e.getMessage(), e);
        }
    }

    /** Each file on its own, as many at a time as there are processors. */
    private static List<String> compile(
            Path folder, Path compiler, SortedMap<String, String> sources) {
        List<Callable<String>> jobs = new ArrayList<>();
        for (String source : sources.keySet()) {
            if (source.endsWith(".cu") || source.endsWith(".cpp")) {
                jobs.add(() -> compile(folder, compiler, source));
            }
        }
        try (ExecutorService pool =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
            List<String> objects = new ArrayList<>();
            for (Future<String> job : pool.invokeAll(jobs)) {
                objects.add(job.get());
            }
            return objects;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CudaException("interrupted while building the emulation", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause
                    ? cause
                    : new IllegalStateException(e.getCause());
        }
    }

    private static String compile(Path folder, Path compiler, String source) {
        String object = source + ".o";
        List<String> command = new ArrayList<>(List.of(compiler.toString()));
        command.addAll(FLAGS);
        command.addAll(source.endsWith(".cu") ? KERNEL_FLAGS : List.of("-O3"));
        command.addAll(List.of(source, "-o", object));
        ToolRun.run(folder, command);
        return object;
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
