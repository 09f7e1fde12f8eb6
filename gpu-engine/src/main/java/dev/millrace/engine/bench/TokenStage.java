package dev.millrace.engine.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.model.ModelLoader;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Tokens against the reference implementation: each golden folder is a small random-weight model
 * with prompts and the tokens, log-probabilities and error bounds that transformers gave for them.
 */
final class TokenStage {
    static final List<String> COLUMNS =
            List.of("model", "prompts", "tokens equal", "tokens", "near ties");

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Small thresholds, so that short prompts are split and shared, and small steps replayed. */
    private static final CudaConfig CUDA =
            CudaConfig.defaults().withKvFp8(false).withAttention(32, 48).withGraphRowsMax(4);

    private final Function<CudaConfig, CudaBackend> devices;

    TokenStage(Function<CudaConfig, CudaBackend> devices) {
        this.devices = devices;
    }

    /** Checks every folder below {@code goldens}, or the first {@code most} of them. */
    void run(Path goldens, int most, CheckReport.Table table) throws IOException {
        List<Path> folders;
        try (Stream<Path> entries = Files.list(goldens)) {
            folders =
                    entries.filter(folder -> Files.exists(folder.resolve("golden.json")))
                            .sorted()
                            .limit(most)
                            .toList();
        }
        for (Path folder : folders) {
            check(folder, table);
        }
    }

    private void check(Path folder, CheckReport.Table table) throws IOException {
        JsonNode cases = JSON.readTree(folder.resolve("golden.json").toFile()).get("cases");
        EngineConfig config =
                new EngineConfig("cuda", 8, 72, 16, 4 << 20, 0, true, 1, Numerics.DEFAULT, Speculation.OFF);
        var model = ModelLoader.load(folder, devices.apply(CUDA), config, Sampler::new);
        Map<Long, EngineResult> results = new TreeMap<>();
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config)) {
            for (int i = 0; i < cases.size(); i++) {
                int[] greedy = ints(cases.get(i).get("greedy"));
                engine.submit(
                        new EngineRequest(
                                i,
                                ints(cases.get(i).get("prompt")),
                                SamplingParams.greedy(greedy.length),
                                0));
            }
            while (engine.hasWork()) {
                engine.step().forEach(result -> results.put(result.requestId(), result));
            }
        }
        String json = Files.readString(folder.resolve("config.json"));
        boolean fp8 = json.contains("quantization_config");
        boolean experts = json.contains("num_experts_per_tok");
        int equal = 0;
        int tokens = 0;
        int ties = 0;
        for (int i = 0; i < cases.size(); i++) {
            int[] wanted = ints(cases.get(i).get("greedy"));
            int[] got = results.get((long) i).choices().getFirst().tokenIds();
            int at = Arrays.mismatch(wanted, got);
            tokens += wanted.length;
            equal += at < 0 ? wanted.length : at;
            double reach = reach(cases.get(i), fp8, experts);
            if (at >= 0 && isNearTie(cases.get(i), at, at < got.length ? got[at] : -1, reach)) {
                ties++;
            } else if (at >= 0) {
                table.failure(
                        folder.getFileName()
                                + ", case "
                                + i
                                + ": token "
                                + at
                                + " differs from the reference's");
            }
        }
        if (ties > 1) {
            table.failure(folder.getFileName() + ": " + ties + " cases are near ties");
        }
        table.row(folder.getFileName(), cases.size(), equal, tokens, ties);
    }

    /**
     * By what lead a token may be missed. FP8 products: an activation that BF16 moved across a
     * rounding boundary moves a logit by about as much as rounding it at all. Experts: two that lie
     * closer than BF16's rounding may change places. docs/gpu/README.md has both computed.
     */
    private static double reach(JsonNode golden, boolean fp8, boolean experts) {
        JsonNode rougher = golden.get("rougher_error");
        if (fp8) {
            return 2 * rougher.get(0).asDouble();
        }
        return experts ? rougher.get(1).asDouble() : 0;
    }

    private static boolean isNearTie(JsonNode golden, int step, int token, double allowed) {
        JsonNode top = golden.get("top").get(step);
        for (JsonNode pair : top) {
            if (pair.get(0).asInt() == token) {
                return top.get(0).get(1).asDouble() - pair.get(1).asDouble() < allowed;
            }
        }
        return false;
    }

    private static int[] ints(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::intValue).toArray();
    }
}
