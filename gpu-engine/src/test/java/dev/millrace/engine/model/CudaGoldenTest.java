package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import dev.millrace.engine.bench.OtherToken;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;

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
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], config)) {
            int[] offsets = new int[golden.cases().size()];
            int ties = 0;
            for (int[] cases = indices(offsets, golden); cases.length > 0; ) {
                Map<Long, int[]> results = run(engine, golden, offsets, cases);
                for (int i : cases) {
                    Golden.Case wanted = golden.cases().get(i);
                    int same = sameTokens(wanted, results.get((long) i), offsets[i]);
                    offsets[i] += same;
                    if (offsets[i] < wanted.greedy().length) {
                        OtherToken other =
                                new OtherToken(
                                        modelDir.getFileName().toString(),
                                        i,
                                        offsets[i],
                                        results.get((long) i)[same]);
                        checkTie(modelDir, wanted, other);
                        ties++;
                        offsets[i]++; // goes on behind the reference's token
                    }
                }
                cases = indices(offsets, golden);
            }
            assertTrue(ties <= 1, ties + " tokens are others than the reference's");
        }
    }

    /** Cases whose tokens have not all been compared. */
    private static int[] indices(int[] offsets, Golden golden) {
        return IntStream.range(0, offsets.length)
                .filter(i -> offsets[i] < golden.cases().get(i).greedy().length)
                .toArray();
    }

    private static Map<Long, int[]> run(
            LlmEngine engine, Golden golden, int[] offsets, int[] cases) {
        for (int i : cases) {
            Golden.Case wanted = golden.cases().get(i);
            IntStream known = Arrays.stream(wanted.greedy(), 0, offsets[i]);
            int[] prompt = IntStream.concat(Arrays.stream(wanted.prompt()), known).toArray();
            int tokens = wanted.greedy().length - offsets[i];
            engine.submit(new EngineRequest(i, prompt, greedy(tokens), 0));
        }
        Map<Long, int[]> results = new TreeMap<>();
        while (engine.hasWork()) {
            for (EngineResult result : engine.step()) {
                assertNull(result.error());
                results.put(result.requestId(), result.choices().getFirst().tokenIds());
            }
            engine.checkConservation();
        }
        return results;
    }

    private static int sameTokens(Golden.Case wanted, int[] tokens, int offset) {
        int[] rest = Arrays.copyOfRange(wanted.greedy(), offset, wanted.greedy().length);
        assertEquals(rest.length, tokens.length);
        int mismatch = Arrays.mismatch(rest, tokens);
        return mismatch < 0 ? rest.length : mismatch;
    }

    /**
     * Where another token may be chosen, though all before were the reference's. FP8 products: an
     * activation that BF16 moved across a rounding boundary of E4M3 moves a logit by about as much
     * as rounding it at all. Experts: two whose router logits lie closer than BF16's rounding may
     * change places; that is allowed for the one token where it is known to happen.
     */
    private static void checkTie(Path modelDir, Golden.Case wanted, OtherToken other) {
        ModelConfig config = ModelConfigReader.read(modelDir);
        double reach =
                config.quantization() != null
                        ? 2 * wanted.rougherRms()
                        : other.isKnown() ? wanted.rougherMax() : 0;
        int[] top = wanted.topTokenIds()[other.step()];
        int rank =
                IntStream.range(0, top.length)
                        .filter(k -> top[k] == other.token())
                        .findFirst()
                        .orElse(-1);
        String what = other.toString();
        assertTrue(rank > 0, what + " is none of the reference's best");
        double lead = wanted.topLogprobs()[other.step()][0] - wanted.topLogprobs()[other.step()][rank];
        assertTrue(lead < reach, what + ": the reference's token leads by " + lead);
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
