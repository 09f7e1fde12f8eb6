package dev.millrace.engine.kvtier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.EngineFactory;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.api.KvTiers.DiskKeeps;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.cuda.CudaConfig;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Real models on real devices: what comes back from host memory or from disk gives the answer, to
 * the last bit of its log-probabilities, that the blocks gave while they were on the device.
 */
class TierRoundTripTest {
    private static final int PROMPT = 53;
    private static final int OUTPUT = 8;
    private static final int DEVICE_TOKENS = 128;

    /** Keys and values of a token in the checkpoint's 3 layers of 2 heads of 64. */
    private static final int ELEMENTS_PER_TOKEN = 2 * 3 * 2 * 64;

    private static final Numerics BF16 = Numerics.DEFAULT;

    @ParameterizedTest
    @CsvSource({"scalar, 16", "scalar, 4", "cpu, 16", "cpu, 32", "cpu, 4", "cuda-emulated, 16"})
    void hostMemoryGivesTheAnswerThatTheDeviceGave(String device, int blockSize) {
        try (Engine engine = open(config(device, blockSize, KvTiers.host(8 << 20)))) {
            EngineResult cold = ask(engine, prompt(1));
            EngineResult onDevice = ask(engine, prompt(1));
            int hittable = (PROMPT - 1) / blockSize * blockSize;
            assertEquals(0, cold.cachedTokens());
            assertEquals(hittable, onDevice.cachedTokens());
            assertEquals(0, engine.stats().tiers().hostHitTokens());
            for (int other = 2; other < 7; other++) {
                ask(engine, prompt(other));
            }
            EngineResult back = ask(engine, prompt(1));
            assertEquals(answer(onDevice), answer(back));
            assertEquals(hittable, back.cachedTokens());
            assertEquals(hittable, engine.stats().tiers().hostHitTokens());
            assertEquals(hittable, engine.stats().tiers().deviceHitTokens());
            // Positive control: another prompt has another answer, and finds nothing.
            EngineResult other = ask(engine, prompt(9));
            assertNotEquals(answer(onDevice), answer(other));
            assertEquals(0, other.cachedTokens());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 4})
    void imagesInInt8GiveTheAnswerThatTheDeviceGave(int blockSize) {
        EngineConfig config =
                config("cpu", blockSize, KvTiers.host(8 << 20))
                        .withNumerics(BF16.withKv(KvFormat.INT8));
        try (Engine engine = open(config)) {
            int hittable = (PROMPT - 1) / blockSize * blockSize;
            ask(engine, prompt(1));
            EngineResult onDevice = ask(engine, prompt(1));
            for (int other = 2; other < 10; other++) {
                ask(engine, prompt(other));
            }
            EngineResult back = ask(engine, prompt(1));
            assertEquals(answer(onDevice), answer(back));
            assertEquals(hittable, engine.stats().tiers().hostHitTokens());
        }
    }

    @Test
    void int8IsRefusedByADeviceThatHasNone() {
        EngineConfig config =
                config("scalar", 16, KvTiers.OFF).withNumerics(BF16.withKv(KvFormat.INT8));
        String message =
                assertThrows(IllegalArgumentException.class, () -> open(config)).getMessage();
        assertEquals(
                "a KV cache in INT8 is the cpu device's alone; the device is scalar", message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "cpu", "cuda-emulated"})
    void aRestartedEngineBeginsWarm(String device, @TempDir Path folder) {
        EngineConfig config = config(device, 16, disk(folder, DiskKeeps.REUSED));
        List<String> before = new ArrayList<>();
        try (Engine engine = open(config)) {
            for (int i = 1; i <= 4; i++) {
                ask(engine, prompt(i));
                before.add(answer(ask(engine, prompt(i))));
            }
            ask(engine, prompt(5));
        }
        try (Engine engine = open(config)) {
            for (int i = 1; i <= 4; i++) {
                EngineResult result = ask(engine, prompt(i));
                assertEquals(48, result.cachedTokens(), "prompt " + i);
                assertEquals(before.get(i - 1), answer(result));
            }
            assertEquals(4 * 48, engine.stats().tiers().diskHitTokens());
            assertEquals(
                    0, ask(engine, prompt(5)).cachedTokens(), "what was never reused is not kept");
        }
    }

    @Test
    void imagesOfOtherNumericsBlocksOrDevicesAreNotFound(@TempDir Path folder) {
        KvTiers tiers = disk(folder, DiskKeeps.ALL);
        try (Engine engine = open(config("cpu", 16, tiers))) {
            ask(engine, prompt(1));
        }
        Numerics int8 = new Numerics(WeightFormat.INT8, false);
        for (EngineConfig other :
                List.of(
                        config("cpu", 16, tiers).withNumerics(int8),
                        config("cpu", 16, tiers).withNumerics(BF16.withKv(KvFormat.INT8)),
                        config("cpu", 32, tiers),
                        config("scalar", 16, tiers))) {
            try (Engine engine = open(other)) {
                assertEquals(0, ask(engine, prompt(1)).cachedTokens(), other.toString());
                assertEquals(0, engine.stats().tiers().refusedFiles());
            }
        }
        // Positive control: its like finds them, beside the files of the others.
        try (Engine engine = open(config("cpu", 16, tiers))) {
            assertEquals(48, ask(engine, prompt(1)).cachedTokens());
        }
    }

    /** The last token of an answer is never computed, so it belongs to no full block. */
    @Test
    void theNextTurnBeginsWhereTheLastOneEnded(@TempDir Path folder) {
        EngineConfig config = config("cpu", 4, disk(folder, DiskKeeps.ALL));
        int[] secondTurn;
        String expected;
        try (Engine engine = open(config)) {
            EngineResult first = ask(engine, prompt(1));
            int[] said = first.choices().getFirst().tokenIds();
            assertEquals(OUTPUT, said.length);
            secondTurn = Arrays.copyOf(prompt(1), PROMPT + OUTPUT + 7);
            System.arraycopy(said, 0, secondTurn, PROMPT, OUTPUT);
            System.arraycopy(prompt(8), 0, secondTurn, PROMPT + OUTPUT, 7);
            EngineResult second = ask(engine, secondTurn);
            assertEquals((PROMPT + OUTPUT - 1) / 4 * 4, second.cachedTokens());
            assertTrue(second.cachedTokens() > PROMPT, "generated tokens are among them");
            expected = answer(ask(engine, secondTurn));
        }
        try (Engine engine = open(config)) {
            EngineResult second = ask(engine, secondTurn);
            assertEquals((secondTurn.length - 1) / 4 * 4, second.cachedTokens());
            assertEquals(expected, answer(second));
        }
    }

    private static KvTiers disk(Path folder, DiskKeeps keeps) {
        return new KvTiers(1 << 20, folder, 16 << 20, keeps);
    }

    private static EngineConfig config(String device, int blockSize, KvTiers tiers) {
        int bytes = device.equals("scalar") ? 4 : 2;
        long kvBytes = (long) DEVICE_TOKENS * ELEMENTS_PER_TOKEN * bytes;
        return new EngineConfig(device, 4, 64, blockSize, kvBytes, 0, true, 1, BF16, Speculation.OFF)
                .withTiers(tiers);
    }

    private static Engine open(EngineConfig config) {
        CudaConfig cuda = CudaConfig.defaults().withKvFp8(false);
        return EngineFactory.openWeights(model(), config, cuda);
    }

    private static Path model() {
        try {
            return Path.of(
                            TierRoundTripTest.class
                                    .getResource("/goldens/qwen2-bias-tied-bf16/config.json")
                                    .toURI())
                    .getParent();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static EngineResult ask(Engine engine, int[] prompt) {
        engine.submit(new EngineRequest(1, prompt, sampling(), 0));
        List<EngineResult> results = new ArrayList<>();
        while (engine.hasWork()) {
            results.addAll(engine.step());
        }
        return results.getFirst();
    }

    private static String answer(EngineResult result) {
        EngineResult.Choice choice = result.choices().getFirst();
        StringBuilder bits = new StringBuilder(Arrays.toString(choice.tokenIds()));
        choice.logprobs().forEach(p -> bits.append(' ').append(p.logprob()));
        return bits.toString();
    }

    private static int[] prompt(int seed) {
        return new Random(seed).ints(PROMPT, 3, 384).toArray();
    }

    private static SamplingParams sampling() {
        return new SamplingParams(
                OUTPUT, 0, 1, 0, 0, 1, 0, 0, Map.of(), 2, List.of(), List.of(), 1, 0, true, true);
    }
}
