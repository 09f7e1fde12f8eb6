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

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** One benchmark from its model to its report. */
public final class BenchJob {
    private static final int SINGLE_PREFILL = 512;
    private static final int SINGLE_PROMPT = 8;
    private static final int SINGLE_DECODE = 64;

    /** Vector loops run slowly until they are compiled, which takes seconds of running them. */
    private static final int SINGLE_WARM_UPS = 8;

    private final Model model;
    private final Kind kind;
    private final EngineConfig config;
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
     * @param repeat counted runs, at least 1
     */
    public BenchJob(Model model, Kind kind, EngineConfig config, int repeat, long seed) {
        if (repeat < 1) {
            throw new IllegalArgumentException("--repeat must be at least 1, not " + repeat);
        }
        if (model.dir() != null && !Files.isDirectory(model.dir())) {
            throw new IllegalArgumentException("--model " + model.dir() + " is not a folder");
        }
        this.model = model;
        this.kind = kind;
        this.config = config;
        this.repeat = repeat;
        this.seed = seed;
    }

    /**
     * Runs it.
     *
     * @param json where the figures go as well, or null
     */
    public void run(PrintWriter out, Path json) throws IOException {
        Path made = model.dir() == null ? Files.createTempDirectory("millrace-bench") : null;
        Engine engine;
        int vocabulary;
        try {
            if (made != null) {
                new RandomModel(model.shape(), seed).write(made);
            }
            Path dir = made == null ? model.dir() : made;
            vocabulary = vocabulary(dir);
            engine = EngineFactory.openWeights(dir, config, CudaConfig.defaults());
        } finally {
            if (made != null) {
                Files.deleteIfExists(made.resolve("config.json"));
                Files.deleteIfExists(made.resolve("model.safetensors"));
                Files.delete(made);
            }
        }
        try (engine) {
            BenchRun runs = new BenchRun(engine, System::nanoTime);
            ObjectNode figures =
                    kind.singleStream()
                            ? singleStream(runs, vocabulary, out)
                            : workload(runs, vocabulary, out);
            if (json != null) {
                new ObjectMapper()
                        .writerWithDefaultPrettyPrinter()
                        .writeValue(json.toFile(), described(figures));
            }
        }
    }

    private static int vocabulary(Path dir) throws IOException {
        return new ObjectMapper()
                .readTree(dir.resolve("config.json").toFile())
                .path("vocab_size")
                .asInt();
    }

    private ObjectNode workload(BenchRun runs, int vocabulary, PrintWriter out) {
        out.println(describe());
        Sizes sizes = kind.sizes();
        Sizes less =
                new Sizes(
                        Math.min(64, sizes.prompts()),
                        sizes.shared(),
                        sizes.unique(),
                        Math.min(16, sizes.output()));
        Outcome warmUp = runs.run(kind.workload().prompts(less, vocabulary, -seed), done -> {});
        out.printf(Locale.ROOT, "  warm-up %.1f s, not counted%n", warmUp.seconds());
        LiveLine line = new LiveLine(out, LiveLine.onTerminal());
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < repeat; i++) {
            List<Prompt> prompts = kind.workload().prompts(sizes, vocabulary, seed + i);
            String of = "  run " + (i + 1) + " of " + repeat + ": %,d of " + total(prompts);
            outcomes.add(runs.run(prompts, done -> line.show(String.format(of, done), nowMs())));
        }
        line.finish("");
        BenchReport.print(out, outcomes);
        return BenchReport.json(outcomes, warmUp.seconds());
    }

    private static String total(List<Prompt> prompts) {
        return String.format("%,d tokens", prompts.stream().mapToInt(Prompt::output).sum());
    }

    private ObjectNode singleStream(BenchRun runs, int vocabulary, PrintWriter out) {
        out.println(describe());
        for (int i = 1; i <= SINGLE_WARM_UPS; i++) {
            single(runs, vocabulary, -seed - i);
        }
        List<double[]> rates = new ArrayList<>();
        for (int i = 0; i < repeat; i++) {
            double[] rate = single(runs, vocabulary, seed + i);
            rates.add(rate);
            out.printf(
                    Locale.ROOT,
                    "  prefill of %d: %,.0f tok/s   decode of %d: %,.1f tok/s%n",
                    SINGLE_PREFILL,
                    rate[0],
                    SINGLE_DECODE,
                    rate[1]);
        }
        out.flush();
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("prefill_tokens_per_second", median(rates, 0));
        json.put("decode_tokens_per_second", median(rates, 1));
        return json;
    }

    /** Tokens per second of a prefill, and of decoding: the time of a prompt alone is taken off. */
    private static double[] single(BenchRun runs, int vocabulary, long seed) {
        Workload plain = Workload.LONG_PROMPT;
        Outcome prefill =
                runs.run(
                        plain.prompts(new Sizes(1, 0, SINGLE_PREFILL, 1), vocabulary, seed),
                        done -> {});
        Outcome prompt =
                runs.run(
                        plain.prompts(new Sizes(1, 0, SINGLE_PROMPT, 1), vocabulary, seed << 20),
                        done -> {});
        Outcome decode =
                runs.run(
                        plain.prompts(
                                new Sizes(1, 0, SINGLE_PROMPT, SINGLE_DECODE + 1),
                                vocabulary,
                                seed << 40),
                        done -> {});
        return new double[] {
            SINGLE_PREFILL / prefill.seconds(),
            SINGLE_DECODE / (decode.seconds() - prompt.seconds())
        };
    }

    private static double median(List<double[]> rates, int which) {
        double[] sorted = rates.stream().mapToDouble(rate -> rate[which]).sorted().toArray();
        return sorted[sorted.length / 2];
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

    private String speculation() {
        return config.speculation().mode().name().toLowerCase(Locale.ROOT);
    }

    private ObjectNode described(ObjectNode figures) {
        figures.put("workload", kind.singleStream() ? "single-stream" : kind.workload().label());
        figures.put("model", modelName());
        figures.put("device", config.device());
        figures.put("threads", config.threads());
        figures.put("weights", format());
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
