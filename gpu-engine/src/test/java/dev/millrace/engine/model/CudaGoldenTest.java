package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.SilentTexts;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Every golden checkpoint through the whole CUDA path on the emulated device: scheduler a step
 * ahead, prompts in chunks, split and shared attention, graphs, tokens that stay on the device. The
 * tokens are the reference's.
 */
class CudaGoldenTest {
    private static final int BLOCK_SIZE = 16;
    private static final int TOKENS_PER_STEP = 72;

    /**
     * Unrounded keys and values, as the reference has them. Small thresholds, so that short prompts
     * are split and shared.
     */
    private static final CudaConfig CUDA =
            CudaConfig.defaults().withKvFp8(false).withAttention(32, 48).withGraphRowsMax(4);

    static Stream<Arguments> models() {
        return Golden.modelDirs().stream()
                .map(dir -> Arguments.argumentSet(dir.getFileName().toString(), dir));
    }

    @ParameterizedTest
    @MethodSource("models")
    void tokensAreTheReferences(Path modelDir) throws IOException {
        Golden golden = Golden.readFp8(modelDir);
        EngineConfig config =
                new EngineConfig(
                        "cuda-emulated",
                        8,
                        TOKENS_PER_STEP,
                        BLOCK_SIZE,
                        4 << 20,
                        0,
                        true,
                        1,
                        Numerics.DEFAULT,
                        Speculation.OFF);
        DecoderModel model =
                ModelLoader.load(modelDir, CudaDevices.emulated(CUDA), config, Sampler::new);
        assertTrue(model.isAsynchronous());
        try (LlmEngine engine = new LlmEngine(model, new SilentTexts(), new int[0], config)) {
            for (int i = 0; i < golden.cases().size(); i++) {
                Golden.Case wanted = golden.cases().get(i);
                engine.submit(
                        new EngineRequest(i, wanted.prompt(), greedy(wanted.greedy().length), 0));
            }
            Map<Long, EngineResult> results = new TreeMap<>();
            while (engine.hasWork()) {
                engine.step().forEach(result -> results.put(result.requestId(), result));
                engine.checkConservation();
            }
            for (int i = 0; i < golden.cases().size(); i++) {
                EngineResult result = results.get((long) i);
                assertNull(result.error());
                check(
                        modelDir,
                        golden.cases().get(i),
                        result.choices().getFirst().tokenIds(),
                        "case " + i);
            }
        }
    }

    /**
     * Equal tokens. Where the products are FP8, an activation that BF16 moved across a rounding
     * boundary of E4M3 moves a logit by about as much as rounding it at all: there the device may
     * take another token once the reference's own choice leads it by less than twice that distance,
     * and what follows is another text.
     */
    private static void check(Path modelDir, Golden.Case wanted, int[] tokens, String what) {
        int same = Math.max(0, Arrays.mismatch(wanted.greedy(), tokens));
        boolean fp8 = ModelConfigReader.read(modelDir).quantization() != null;
        if (!fp8 || Arrays.equals(wanted.greedy(), tokens)) {
            assertArrayEquals(wanted.greedy(), tokens, what);
            return;
        }
        int[] top = wanted.topTokenIds()[same];
        int rank =
                IntStream.range(0, top.length)
                        .filter(k -> top[k] == tokens[same])
                        .findFirst()
                        .orElse(-1);
        assertTrue(
                rank > 0,
                what
                        + ": token "
                        + tokens[same]
                        + " at step "
                        + same
                        + " is none of the reference's best");
        double lead = wanted.topLogprobs()[same][0] - wanted.topLogprobs()[same][rank];
        assertTrue(
                lead < 2 * wanted.rougherRms(),
                what + ": at step " + same + " the reference's token leads by " + lead);
    }

    private static SamplingParams greedy(int tokens) {
        SamplingParams plain = SamplingParams.greedy(tokens);
        return new SamplingParams(
                tokens,
                plain.temperature(),
                plain.topP(),
                plain.topK(),
                plain.minP(),
                plain.repetitionPenalty(),
                plain.presencePenalty(),
                plain.frequencyPenalty(),
                plain.logitBias(),
                plain.logprobs(),
                plain.stop(),
                plain.stopTokenIds(),
                plain.n(),
                plain.seed(),
                true,
                plain.skipSpecialTokens());
    }
}
