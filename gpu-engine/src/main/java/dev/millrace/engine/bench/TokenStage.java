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
import java.util.function.Function;
import java.util.stream.IntStream;
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
        boolean fp8 = Files.readString(folder.resolve("config.json")).contains("quantization_config");
        EngineConfig config =
                new EngineConfig("cuda", 8, 72, 16, 4 << 20, 0, true, 1, Numerics.DEFAULT, Speculation.OFF);
        var model = ModelLoader.load(folder, devices.apply(CUDA), config, Sampler::new);
        Compared compared = new Compared(folder.getFileName().toString(), cases, fp8);
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config)) {
            while (compared.submitTo(engine)) {
                while (engine.hasWork()) {
                    for (EngineResult result : engine.step()) {
                        compared.take(result, table);
                    }
                }
            }
        }
        if (compared.ties > 1) {
            table.failure(compared.model + ": " + compared.ties + " tokens are near ties");
        }
        table.row(compared.model, cases.size(), compared.equal, compared.tokens, compared.ties);
    }

    /**
     * How far a model's answers were compared. Behind a near tie the text goes on with the
     * reference's own token, so that the tokens after it are compared too.
     */
    private static final class Compared {
        final String model;
        final JsonNode cases;
        final boolean fp8;
        final int[] offsets;
        int tokens;
        int equal;
        int ties;

        Compared(String model, JsonNode cases, boolean fp8) {
            this.model = model;
            this.cases = cases;
            this.fp8 = fp8;
            offsets = new int[cases.size()];
            for (JsonNode golden : cases) {
                tokens += golden.get("greedy").size();
            }
        }

        /** Asks for the tokens that were not compared yet; false if all were. */
        boolean submitTo(LlmEngine engine) {
            boolean any = false;
            for (int i = 0; i < offsets.length; i++) {
                int[] greedy = ints(cases.get(i).get("greedy"));
                if (offsets[i] < greedy.length) {
                    IntStream known = Arrays.stream(greedy, 0, offsets[i]);
                    IntStream prompt = Arrays.stream(ints(cases.get(i).get("prompt")));
                    engine.submit(
                            new EngineRequest(
                                    i,
                                    IntStream.concat(prompt, known).toArray(),
                                    SamplingParams.greedy(greedy.length - offsets[i]),
                                    0));
                    any = true;
                }
            }
            return any;
        }

        void take(EngineResult result, CheckReport.Table table) {
            int i = (int) result.requestId();
            int[] greedy = ints(cases.get(i).get("greedy"));
            int[] wanted = Arrays.copyOfRange(greedy, offsets[i], greedy.length);
            if (result.error() != null) {
                table.failure(model + ", case " + i + ": " + result.error().message());
                offsets[i] = greedy.length;
                return;
            }
            int[] got = result.choices().getFirst().tokenIds();
            int at = Arrays.mismatch(wanted, got);
            equal += at < 0 ? wanted.length : at;
            if (at < 0) {
                offsets[i] = greedy.length;
                return;
            }
            int token = at < got.length ? got[at] : -1;
            OtherToken other = new OtherToken(model, i, offsets[i] + at, token);
            double reach = reach(cases.get(i), other);
            if (isNearTie(cases.get(i), other, reach)) {
                ties++;
                offsets[i] = other.step() + 1;
            } else {
                String what = ": token " + other.step() + " differs from the reference's: " + token;
                table.failure(model + ", case " + i + what + " for " + greedy[other.step()]);
                offsets[i] = greedy.length;
            }
        }

        /**
         * By what lead a token may be missed. FP8 products: an activation that BF16 moved across a
         * rounding boundary moves a logit by about as much as rounding it at all. Experts: the one
         * token that is known. docs/gpu/README.md has both computed.
         */
        private double reach(JsonNode golden, OtherToken other) {
            JsonNode rougher = golden.get("rougher_error");
            if (fp8) {
                return 2 * rougher.get(0).asDouble();
            }
            return other.isKnown() ? rougher.get(1).asDouble() : 0;
        }
    }

    private static boolean isNearTie(JsonNode golden, OtherToken other, double allowed) {
        JsonNode top = golden.get("top").get(other.step());
        for (int rank = 1; rank < top.size(); rank++) {
            JsonNode pair = top.get(rank);
            if (pair.get(0).asInt() == other.token()) {
                return top.get(0).get(1).asDouble() - pair.get(1).asDouble() < allowed;
            }
        }
        return false;
    }

    private static int[] ints(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::intValue).toArray();
    }
}
