package dev.millrace.engine.bench;

import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.backend.cuda.DeviceProperties;
import dev.millrace.engine.backend.cuda.DeviceUnavailableException;
import dev.millrace.engine.bench.ThroughputStage.Workload;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Checks and measures a CUDA device, all in under ten minutes: {@code --device cuda|cuda-emulated},
 * {@code --goldens DIR}, {@code --peer hf_peer.py}, {@code --out DIR}, {@code --minutes N}, and
 * {@code --stages a,b} of environment, ops, tokens, kernels, throughput, peers. {@code --precompile
 * sm_90a,...} only fills the cache of compiled kernels. On the emulated device everything is tiny:
 * it tests this program, not a device.
 */
public final class GpuCheck {
    private static final CudaConfig CUDA = CudaConfig.defaults();
    private static final long SECOND = 1000;

    /** On a GPU, most important first, for later ones may find no time left. */
    private static final List<Workload> WORKLOADS =
            List.of(
                    new Workload(128, 128, 0, 4096, 25, 12),
                    new Workload(1000, 1000, 0, 1536, 40, 15),
                    new Workload(2048, 128, 0, 1024, 40, 15),
                    new Workload(128, 2048, 0, 2048, 40, 15),
                    new Workload(2048, 2048, 0, 768, 40, 15));

    private static final Workload SHARED = new Workload(2176, 256, 2048, 1024, 20, 12);
    private static final Workload LARGE = new Workload(1000, 1000, 0, 256, 60, 15);

    private final Map<String, String> options;
    private final boolean emulated;
    private final Path out;
    private final CheckReport report;
    private final Path work;

    private GpuCheck(Map<String, String> options, PrintStream printed, Path work) {
        this.options = options;
        this.work = work;
        emulated = options.get("device").equals("cuda-emulated");
        out = Path.of(options.get("out"));
        long budgetMs = Math.round(Double.parseDouble(options.get("minutes")) * 60 * SECOND);
        report = new CheckReport(printed, InstantSource.system(), budgetMs);
    }

    /** Runs the check; an exception at the end if anything failed. */
    public static void main(String[] args) throws IOException {
        try (PrintStream printed =
                new PrintStream(new FileOutputStream(FileDescriptor.out), true)) {
            int failures = run(args, printed);
            if (failures > 0) {
                throw new IllegalStateException(failures + " failures, named above and in the report");
            }
        }
    }

    /** The same without the exception: how many failures there were. */
    static int run(String[] args, PrintStream printed) throws IOException {
        Map<String, String> options =
                new TreeMap<>(
                        Map.of(
                                "device",
                                "cuda",
                                "out",
                                "gpu-check",
                                "minutes",
                                "9",
                                "stages",
                                "environment,ops,tokens,kernels,throughput,peers"));
        for (int i = 0; i < args.length; i += 2) {
            if (!args[i].startsWith("--") || i + 1 == args.length) {
                throw new IllegalArgumentException(
                        "options are --device, --goldens, --peer, --out, --minutes, --stages, not "
                                + args[i]);
            }
            options.put(args[i].substring(2), args[i + 1]);
        }
        if (options.containsKey("precompile")) {
            for (String arch : options.get("precompile").split(",")) {
                printed.println("kernels for " + arch + ": " + CudaDevices.precompile(arch));
            }
            return 0;
        }
        Path work = Files.createTempDirectory("gpu-check");
        GpuCheck check = new GpuCheck(options, printed, work);
        try (CudaBackend device = check.devices().apply(CUDA)) {
            printed.println("device: " + device.properties());
        } catch (DeviceUnavailableException e) { // every stage would say the same
            printed.println("gpu-check: " + e.getMessage());
            return 1;
        }
        check.run();
        check.report.write(check.out);
        printed.println("report: " + check.out.toAbsolutePath().resolve("report.md"));
        return check.report.failures();
    }

    private void run() {
        List<String> stages = List.of(options.get("stages").split(","));
        if (stages.contains("environment")) {
            report.stage("environment", 0, List.of("what", "value"), this::environment);
        }
        if (stages.contains("ops")) {
            report.stage(
                    "ops against references",
                    5 * SECOND,
                    OpStage.COLUMNS,
                    table -> new OpStage(devices()).run(work.resolve("ops"), table));
        }
        if (stages.contains("tokens") && options.containsKey("goldens")) {
            report.stage(
                    "tokens against the reference implementation",
                    20 * SECOND,
                    TokenStage.COLUMNS,
                    table ->
                            new TokenStage(devices())
                                    .run(
                                            Path.of(options.get("goldens")),
                                            emulated ? 2 : 100,
                                            table));
        }
        if (stages.contains("kernels")) {
            report.stage("kernels", 30 * SECOND, KernelStage.COLUMNS, this::kernels);
        }
        if (stages.contains("throughput")) {
            throughput();
        }
        if (stages.contains("peers") && options.containsKey("peer")) {
            report.stage(
                    "transformers beside it",
                    60 * SECOND,
                    PeerStage.COLUMNS,
                    table ->
                            new PeerStage(Path.of(options.get("peer")), emulated)
                                    .run(report.leftMs(), table));
        }
    }

    private Function<CudaConfig, CudaBackend> devices() {
        return emulated ? CudaDevices::emulated : CudaDevices::cuda;
    }

    private void environment(CheckReport.Table table) {
        try (CudaBackend device = devices().apply(CUDA)) {
            DeviceProperties properties = device.properties();
            table.row("device", properties);
            table.row("architecture", properties.arch());
            table.row(
                    "java",
                    System.getProperty("java.vm.name") + " " + System.getProperty("java.version"));
            table.row(
                    "system",
                    System.getProperty("os.name") + " " + System.getProperty("os.version"));
            table.row("processors", Runtime.getRuntime().availableProcessors());
            if (emulated) {
                table.row(
                        "note", "emulated on the host: the numbers below say nothing about a GPU");
            }
        }
    }

    private void kernels(CheckReport.Table table) throws IOException {
        try (CudaBackend device = devices().apply(CUDA.withMemoryShare(0.95))) {
            BenchShape shape = emulated ? BenchShape.TINY : BenchShape.LLAMA_8B;
            new KernelStage(device, shape, emulated ? 2 : 30, emulated ? 16 : 4096)
                    .run(work.resolve("kernels"), table);
        }
    }

    private void throughput() {
        if (emulated) {
            workload(BenchShape.TINY, new Workload(24, 6, 0, 4, 20, 1), CUDA, "throughput, tiny");
            CudaConfig sharing = CUDA.withAttention(64, 64);
            workload(
                    BenchShape.TINY,
                    new Workload(80, 6, 64, 4, 20, 1),
                    sharing,
                    "throughput, tiny, shared prompt");
            return;
        }
        workload(BenchShape.LLAMA_8B, WORKLOADS.getFirst(), CUDA, "throughput, 8B");
        workload(BenchShape.LLAMA_8B, WORKLOADS.get(1), CUDA, "throughput, 8B");
        workload(BenchShape.LLAMA_8B, SHARED, CUDA, "throughput, 8B, shared prompt read once");
        workload(
                BenchShape.LLAMA_8B,
                SHARED,
                CUDA.withAttention(256, Integer.MAX_VALUE),
                "throughput, 8B, shared prompt read each time");
        workload(BenchShape.LLAMA_70B, LARGE, CUDA, "throughput, 70B");
        for (Workload rest : WORKLOADS.subList(2, WORKLOADS.size())) {
            workload(BenchShape.LLAMA_8B, rest, CUDA, "throughput, 8B");
        }
    }

    private void workload(BenchShape shape, Workload workload, CudaConfig cuda, String name) {
        String title = name + ", " + workload.input() + "/" + workload.output();
        long needs = (workload.fillSeconds() + workload.windowSeconds()) * SECOND;
        report.stage(
                title,
                needs,
                ThroughputStage.COLUMNS,
                table ->
                        new ThroughputStage(devices(), System::nanoTime)
                                .run(shape, work.resolve(shape.name()), workload, cuda, table));
    }
}
