package dev.millrace.engine.bench;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.model.DecoderModel;
import dev.millrace.engine.model.ModelLoader;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * Output tokens per second in the steady state of continuous batching, random weights and prompts,
 * greedy, no end of sequence. So that the state is steady at once, the first wave of requests
 * stands at all stages of its output: a request with r tokens to go has the others in its prompt.
 * Whatever ends is replaced by a fresh request. What the first wave takes to fill the device is not
 * counted; every token chosen in the window behind it is.
 */
final class ThroughputStage {
    static final List<String> COLUMNS =
            List.of(
                    "model",
                    "input/output",
                    "shared",
                    "sequences",
                    "window s",
                    "output tok/s",
                    "input tok/s",
                    "steps");

    private final Function<CudaConfig, CudaBackend> devices;
    private final LongSupplier nanoTime;
    private final SplittableRandom random = new SplittableRandom(11);

    /**
     * One workload.
     *
     * @param shared leading tokens that all prompts have in common
     * @param sequencesMax most sequences at a time
     * @param fillSeconds most time for the first wave
     * @param windowSeconds measured time
     */
    record Workload(
            int input,
            int output,
            int shared,
            int sequencesMax,
            int fillSeconds,
            int windowSeconds) {}

    ThroughputStage(Function<CudaConfig, CudaBackend> devices, LongSupplier nanoTime) {
        this.devices = devices;
        this.nanoTime = nanoTime;
    }

    /**
     * @param cuda settings; the KV cache gets what memory is left
     */
    void run(
            BenchShape shape,
            Path folder,
            Workload workload,
            CudaConfig cuda,
            CheckReport.Table table)
            throws IOException {
        CudaBackend device = devices.apply(cuda);
        int budget = shape.layers() <= 2 ? 256 : 8192;
        EngineConfig config =
                new EngineConfig(
                        "cuda",
                        workload.sequencesMax(),
                        budget,
                        64,
                        shape.layers() <= 2 ? 64L << 20 : Long.MAX_VALUE,
                        0,
                        true,
                        1,
                        Numerics.DEFAULT,
                        Speculation.OFF);
        DecoderModel model = ModelLoader.random(shape.writeConfig(folder), device, config, 3);
        long kvTokens = (long) model.kvLayout().numBlocks() * model.kvLayout().blockSize();
        int perSequence = workload.input() + workload.output();
        int resident =
                (int)
                        Math.min(
                                workload.sequencesMax(),
                                kvTokens / (workload.input() + workload.output() / 2 + 64));
        if (resident < 1) {
            table.failure("no room for a sequence of " + perSequence + " tokens");
        }
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config)) {
            measure(engine, workload, resident, new Sink(shape, table));
        }
    }

    private record Sink(BenchShape shape, CheckReport.Table table) {}

    /** What prompts are made of. */
    private record Fresh(int[] common, int vocabulary) {}

    private void measure(LlmEngine engine, Workload workload, int resident, Sink sink) {
        int vocabulary = sink.shape().vocabulary();
        Fresh fresh = new Fresh(tokens(workload.shared(), vocabulary), vocabulary);
        long id = 0;
        for (; id < resident; id++) {
            int left = 1 + (int) (id * workload.output() / resident);
            submit(engine, id, prompt(fresh, workload.input() + workload.output() - left), left);
        }
        long begin = nanoTime.getAsLong();
        while (seconds(begin) < workload.fillSeconds()
                && engine.stats().generationTokens() < resident) {
            id = refill(engine, id, engine.step().size(), workload, fresh);
        }
        long tokens = engine.stats().generationTokens();
        long inputs = engine.stats().promptTokens();
        long steps = engine.stats().steps();
        begin = nanoTime.getAsLong();
        while (seconds(begin) < workload.windowSeconds()) {
            id = refill(engine, id, engine.step().size(), workload, fresh);
        }
        double window = seconds(begin);
        sink.table()
                .row(
                        sink.shape().name(),
                        workload.input() + "/" + workload.output(),
                        workload.shared(),
                        resident,
                        "%.1f".formatted(window),
                        "%.0f".formatted((engine.stats().generationTokens() - tokens) / window),
                        "%.0f".formatted((engine.stats().promptTokens() - inputs) / window),
                        engine.stats().steps() - steps);
    }

    /** A fresh request for each that ended; the next free id. */
    private long refill(LlmEngine engine, long id, int ended, Workload workload, Fresh fresh) {
        for (int i = 0; i < ended; i++) {
            submit(engine, id + i, prompt(fresh, workload.input()), workload.output());
        }
        return id + ended;
    }

    private static void submit(LlmEngine engine, long id, int[] prompt, int output) {
        SamplingParams greedy = SamplingParams.greedy(output);
        engine.submit(new EngineRequest(id, prompt, greedy, 0));
    }

    /** The common tokens, then random ones. */
    private int[] prompt(Fresh fresh, int length) {
        int[] tokens = tokens(length, fresh.vocabulary());
        System.arraycopy(fresh.common(), 0, tokens, 0, Math.min(length, fresh.common().length));
        return tokens;
    }

    private int[] tokens(int length, int vocabulary) {
        return random.ints(length, 1, vocabulary).toArray();
    }

    private double seconds(long since) {
        return (nanoTime.getAsLong() - since) / 1e9;
    }
}
