package dev.millrace.ops.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.EngineFactory;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.ops.bench.BenchRun.Outcome;
import dev.millrace.ops.bench.Workload.Prompt;
import dev.millrace.ops.bench.Workload.Sizes;
import dev.millrace.ops.cli.LiveLine;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** One benchmark from its model to its report. */
public final class BenchJob {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Model model;
    private final Kind kind;
    private final EngineConfig config;
    private final CudaConfig cuda;
    private final int repeat;
    private final long seed;

    /**
     * Which weights.
     *
     * @param dir a checkpoint folder, or null for random weights
     * @param shape of random weights; null with a folder
     */
    public record Model(Path dir, Shape shape) {}

    /**
     * What is measured.
     *
     * @param singleStream one request at a time instead of the workload
     */
    public record Kind(Workload workload, Sizes sizes, boolean singleStream) {}

    /**
     * Where figures go besides the console; null means nowhere.
     *
     * @param json the figures
     * @param answers the last run's generated tokens, one line per prompt
     */
    public record Target(Path json, Path answers) {}

    /**
     * @param cuda settings that only CUDA devices read
     * @param repeat counted runs, at least 1
     */
    public BenchJob(
            Model model, Kind kind, EngineConfig config, CudaConfig cuda, int repeat, long seed) {
        if (repeat < 1) {
            throw new IllegalArgumentException("--repeat must be at least 1, not " + repeat);
        }
        if (model.dir() != null && !Files.isDirectory(model.dir())) {
            throw new IllegalArgumentException("--model " + model.dir() + " is not a folder");
        }
        this.model = model;
        this.kind = kind;
        this.config = config;
        this.cuda = cuda;
        this.repeat = repeat;
        this.seed = seed;
    }

    /** Writes the random model to a folder, for other engines or for {@code --model}. */
    public void writeModel(PrintWriter out, Path dir) throws IOException {
        if (model.shape() == null) {
            throw new IllegalArgumentException("--write-model writes random weights: no --model");
        }
        Files.createDirectories(dir);
        new RandomModel(model.shape(), seed).write(dir);
        out.println(modelName() + " and seed " + seed + " written to " + dir);
    }

    /** Writes the prompts of warm-up and runs to a folder. */
    public void writePrompts(PrintWriter out, Path dir) throws IOException {
        int vocabulary = model.dir() == null ? Shape.VOCABULARY : vocabulary(model.dir());
        new JobPrompts(kind, vocabulary, seed).write(dir, repeat);
        out.println("prompts of the warm-up and of " + repeat + " runs written to " + dir);
    }

    /** Runs it. */
    public void run(PrintWriter out, Target target) throws IOException {
        checkFolder("--json", target.json());
        checkFolder("--answers", target.answers());
        Path made = model.dir() == null ? Files.createTempDirectory("millrace-bench") : null;
        Engine engine;
        JobPrompts prompts;
        try {
            if (made != null) {
                new RandomModel(model.shape(), seed).write(made);
            }
            Path dir = made == null ? model.dir() : made;
            prompts = new JobPrompts(kind, vocabulary(dir), seed);
            engine = EngineFactory.openWeights(dir, config, cuda);
        } finally {
            if (made != null) {
                delete(made);
            }
        }
        try (engine) {
            BenchRun runs = new BenchRun(engine, System::nanoTime);
            List<int[]> answers = new ArrayList<>();
            out.println(describe());
            ObjectNode figures =
                    kind.singleStream()
                            ? singleStream(runs, prompts, out, answers)
                            : workload(runs, prompts, out, answers);
            if (target.json() != null) {
                JSON.writerWithDefaultPrettyPrinter()
                        .writeValue(target.json().toFile(), described(figures));
            }
            if (target.answers() != null) {
                write(target.answers(), answers);
            }
        }
    }

    /** A run of minutes is not to end with figures that cannot be written. */
    private static void checkFolder(String option, Path file) {
        if (file != null && !Files.isDirectory(file.toAbsolutePath().getParent())) {
            throw new IllegalArgumentException(
                    option + " " + file + ": there is no folder " + file.toAbsolutePath().getParent());
        }
    }

    private static void delete(Path dir) throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(dir);
    }

    private static void write(Path file, List<int[]> answers) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (int i = 0; i < answers.size(); i++) {
                ObjectNode line = JSON.createObjectNode().put("custom_id", Integer.toString(i));
                out.write(line.set("tokens", JSON.valueToTree(answers.get(i))).toString());
                out.newLine();
            }
        }
    }

    private static int vocabulary(Path dir) throws IOException {
        Path file = dir.resolve("config.json");
        int size = Files.exists(file) ? JSON.readTree(file.toFile()).path("vocab_size").asInt() : 0;
        if (size < 2) {
            throw new IllegalArgumentException(file + " has no vocab_size");
        }
        return size;
    }

    private ObjectNode workload(
            BenchRun runs, JobPrompts prompts, PrintWriter out, List<int[]> answers) {
        Outcome warmUp = runs.run(prompts.warmUp(), done -> {});
        out.printf(Locale.ROOT, "  warm-up %.1f s, not counted%n", warmUp.seconds());
        LiveLine line = new LiveLine(out, LiveLine.onTerminal());
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < repeat; i++) {
            List<Prompt> run = prompts.run(i);
            String of = "  run " + (i + 1) + " of " + repeat + ": %,d of " + total(run);
            outcomes.add(runs.run(run, done -> line.show(String.format(of, done), nowMs())));
        }
        line.finish("");
        answers.addAll(outcomes.getLast().answers());
        BenchReport.print(out, outcomes);
        return BenchReport.json(outcomes, warmUp.seconds());
    }

    private static String total(List<Prompt> prompts) {
        return String.format("%,d tokens", prompts.stream().mapToInt(Prompt::output).sum());
    }

    private ObjectNode singleStream(
            BenchRun runs, JobPrompts prompts, PrintWriter out, List<int[]> answers) {
        prompts.warmUp().forEach(prompt -> runs.run(List.of(prompt), done -> {}));
        List<double[]> rates = new ArrayList<>();
        for (int i = 0; i < repeat; i++) {
            List<Outcome> requests =
                    prompts.run(i).stream().map(p -> runs.run(List.of(p), done -> {})).toList();
            rates.add(rates(requests));
            answers.clear();
            requests.forEach(request -> answers.addAll(request.answers()));
            out.printf(
                    Locale.ROOT,
                    "  prefill of %d: %,.0f tok/s   decode of %d: %,.1f tok/s%n",
                    JobPrompts.SINGLE_PREFILL,
                    rates.getLast()[0],
                    JobPrompts.SINGLE_DECODE,
                    rates.getLast()[1]);
        }
        out.flush();
        return BenchReport.json(rates);
    }

    /** Tokens per second of a prefill, and of decoding: the time of a prompt alone is taken off. */
    private static double[] rates(List<Outcome> requests) {
        double decode = requests.get(2).seconds() - requests.get(1).seconds();
        return new double[] {
            JobPrompts.SINGLE_PREFILL / requests.get(0).seconds(),
            JobPrompts.SINGLE_DECODE / decode
        };
    }

    private String describe() {
        String what =
                kind.singleStream()
                        ? "one request at a time"
                        : kind.workload().label()
                                + ", "
                                + kind.sizes().prompts()
                                + " prompts of "
                                + kind.sizes().shared()
                                + " shared + "
                                + kind.sizes().unique()
                                + " own tokens, "
                                + kind.sizes().output()
                                + " output tokens";
        return modelName()
                + " on "
                + config.device()
                + " ("
                + config.threads()
                + " threads), weights "
                + format()
                + ", KV "
                + kvFormat()
                + ": "
                + what;
    }

    private String modelName() {
        return model.shape() == null
                ? model.dir().toString()
                : "random weights of shape " + model.shape().label();
    }

    private String format() {
        return config.numerics().weights().name().toLowerCase(Locale.ROOT)
                + (config.numerics().batchInvariant() ? ", batch-invariant" : "");
    }

    private String kvFormat() {
        return switch (config.device()) {
            case "cpu" -> config.numerics().kv().label();
            case "scalar" -> "f32";
            default -> cuda.kvFp8() ? "fp8" : "bf16";
        };
    }

    private String speculation() {
        return config.speculation().mode().name().toLowerCase(Locale.ROOT);
    }

    private ObjectNode described(ObjectNode figures) {
        figures.put("workload", kind.singleStream() ? "single-stream" : kind.workload().label());
        figures.put("model", modelName());
        figures.put("device", config.device());
        figures.put("threads", config.threads());
        figures.put("seed", seed);
        figures.put("weights", format());
        figures.put("kv_cache_dtype", kvFormat());
        figures.put("speculation", speculation());
        figures.put("max_num_seqs", config.maxNumSeqs());
        figures.put("max_num_batched_tokens", config.maxNumBatchedTokens());
        if (!kind.singleStream()) {
            figures.put("prompts", kind.sizes().prompts());
            figures.put("shared", kind.sizes().shared());
            figures.put("unique", kind.sizes().unique());
            figures.put("output", kind.sizes().output());
        }
        return figures;
    }

    private static long nowMs() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }
}
