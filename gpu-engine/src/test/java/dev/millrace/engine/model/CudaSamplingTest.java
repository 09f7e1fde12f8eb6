package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Random choice, penalties, biases and log-probabilities on the emulated device, against the host's. */
class CudaSamplingTest {
    private static final Path MODEL = Golden.root().resolve("qwen2-bias-tied-bf16");
    private static final EngineConfig CONFIG =
            new EngineConfig("test", 8, 48, 16, 4 << 20, 0, true, 1, Numerics.DEFAULT, Speculation.OFF);

    private static final List<SamplingParams> PARAMS =
            List.of(
                    params(0.2, 0.9, 0, new double[] {1, 0, 0}, Map.of(), 3),
                    params(0.2, 1, 5, new double[] {1, 0, 0}, Map.of(), -1),
                    params(0.15, 1, 0, new double[] {1.3, 0.5, 0.4}, Map.of(17, 6f), 2),
                    params(0, 1, 0, new double[] {1.2, 0, 0}, Map.of(3, -4f), 0));

    private static SamplingParams params(
            double temperature,
            double topP,
            int topK,
            double[] penalties,
            Map<Integer, Float> bias,
            int logprobs) {
        return new SamplingParams(
                7, temperature, topP, topK, 0, penalties[0], penalties[1], penalties[2], bias,
                logprobs, List.of(), List.of(), 2, 99, true, true);
    }

    /**
     * The devices' logits differ by BF16's rounding, so that a near tie may fall the other way, and
     * then the rest is another text: most tokens are the same, and so are their log-probabilities.
     */
    @Test
    void choosesAsTheHostDoes() {
        Map<Long, EngineResult> host = run(new ScalarBackend());
        CudaConfig unrounded = CudaConfig.defaults().withKvFp8(false);
        Map<Long, EngineResult> device = run(CudaDevices.emulated(unrounded));
        int same = 0;
        for (long id = 0; id < PARAMS.size(); id++) {
            for (int choice = 0; choice < 2; choice++) {
                EngineResult.Choice wanted = host.get(id).choices().get(choice);
                EngineResult.Choice got = device.get(id).choices().get(choice);
                int at = Arrays.mismatch(wanted.tokenIds(), got.tokenIds());
                int equal = at < 0 ? wanted.tokenIds().length : at;
                same += equal;
                for (int i = 0; wanted.logprobs() != null && i < equal; i++) {
                    double logprob = wanted.logprobs().get(i).logprob();
                    assertEquals(logprob, got.logprobs().get(i).logprob(), 0.4);
                }
            }
        }
        assertTrue(same >= 30, same + " of 56 tokens");
    }

    /**
     * FP8 keys and values, and weights rounded at load: replayed graphs and single launches give
     * the same answers.
     */
    @Test
    void inFp8GraphsAndLaunchesAgree() {
        CudaConfig fp8 = CudaConfig.defaults().withQuantizedWeights(true).withGraphRowsMax(2);
        CudaBackend first = CudaDevices.emulated(fp8);
        assertEquals(1, first.kvBytesPerElement());
        Map<Long, EngineResult> once = run(first);
        Map<Long, EngineResult> again = run(CudaDevices.emulated(fp8.withGraphRowsMax(0)));
        for (long id = 0; id < PARAMS.size(); id++) {
            assertNull(once.get(id).error());
            int[] tokens = once.get(id).choices().getFirst().tokenIds();
            assertEquals(7, tokens.length);
            assertArrayEquals(tokens, again.get(id).choices().getFirst().tokenIds());
        }
        assertTrue(first.memory().contains("KV cache"), first.memory());
    }

    private static Map<Long, EngineResult> run(Backend backend) {
        DecoderModel model = ModelLoader.load(MODEL, backend, CONFIG, Sampler::new);
        Map<Long, EngineResult> results = new TreeMap<>();
        try (LlmEngine engine = new LlmEngine(model, new NoTexts(), new int[0], CONFIG)) {
            for (int i = 0; i < PARAMS.size(); i++) {
                int[] prompt = {5, 9, 2 + i, 200, 31};
                engine.submit(new EngineRequest(i, prompt, PARAMS.get(i), 0));
            }
            while (engine.hasWork()) {
                engine.step().forEach(result -> results.put(result.requestId(), result));
            }
        }
        return results;
    }
}
