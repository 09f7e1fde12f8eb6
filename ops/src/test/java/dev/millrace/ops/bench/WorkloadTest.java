package dev.millrace.ops.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.EngineFactory;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.ops.bench.BenchRun.Outcome;
import dev.millrace.ops.bench.Workload.Prompt;
import dev.millrace.ops.bench.Workload.Sizes;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

class WorkloadTest {
    private static final Sizes SIZES = new Sizes(20, 32, 8, 4);

    @Test
    void sharedPrefixIsSharedAndTheRestIsNot() {
        List<Prompt> prompts = Workload.SHARED_PREFIX.prompts(SIZES, 1000, 7);
        assertEquals(20, prompts.size());
        assertEquals(1, distinct(prompts, 0, 32));
        assertEquals(20, distinct(prompts, 32, 40));
        assertTrue(prompts.stream().allMatch(p -> p.tokens().length == 40 && p.output() == 4));
    }

    @Test
    void mixedPrefixesShareTheirFirstHalf() {
        List<Prompt> prompts = Workload.MIXED_PREFIXES.prompts(SIZES, 1000, 7);
        assertEquals(1, distinct(prompts, 0, 16));
        assertEquals(8, distinct(prompts, 0, 32));
    }

    @Test
    void chatLengthsSpreadAroundTheirMean() {
        Sizes sizes = new Sizes(4000, 0, 100, 50);
        List<Prompt> prompts = Workload.SHAREGPT.prompts(sizes, 1000, 7);
        double mean = prompts.stream().mapToInt(p -> p.tokens().length).average().orElseThrow();
        assertEquals(100, mean, 8);
        assertTrue(prompts.stream().mapToInt(p -> p.tokens().length).distinct().count() > 100);
    }

    @Test
    void aSeedIsOneJobAndAnotherSeedAnother() {
        int[] first = Workload.LONG_PROMPT.prompts(SIZES, 1000, 7).getFirst().tokens();
        assertEquals(
                Arrays.toString(first),
                Arrays.toString(Workload.LONG_PROMPT.prompts(SIZES, 1000, 7).getFirst().tokens()));
        assertNotEquals(
                Arrays.toString(first),
                Arrays.toString(Workload.LONG_PROMPT.prompts(SIZES, 1000, 8).getFirst().tokens()));
    }

    @Test
    void namesAreThoseOfTheCommandLine() {
        assertEquals(
                Set.of("shared-prefix", "sharegpt", "long-prompt", "long-output", "mixed-prefixes"),
                Arrays.stream(Workload.values()).map(Workload::label).collect(Collectors.toSet()));
        assertThrows(IllegalArgumentException.class, () -> Workload.of("shared"));
        assertThrows(IllegalArgumentException.class, () -> Shape.of("2b"));
    }

    @Test
    void aRandomModelRunsAndItsAccountAddsUp(@TempDir Path dir) throws IOException {
        new RandomModel(Shape.TINY, 3).write(dir);
        EngineConfig config = EngineConfig.defaults("cpu").withKvCacheBytes(32 << 20);
        try (Engine engine = EngineFactory.openWeights(dir, config, CudaConfig.defaults())) {
            List<Prompt> prompts = Workload.SHARED_PREFIX.prompts(SIZES, Shape.VOCABULARY, 7);
            Outcome outcome = new BenchRun(engine, System::nanoTime).run(prompts, done -> {});
            assertEquals(20 * 4, outcome.outputTokens());
            assertEquals(20 * 40, outcome.promptTokens());
            assertEquals(19 * 32, outcome.cachedTokens());
            double sum =
                    BenchReport.account(outcome).values().stream()
                            .mapToDouble(Double::doubleValue)
                            .sum();
            assertEquals(outcome.seconds(), sum, 0.02 * outcome.seconds());
            assertTrue(BenchReport.account(outcome).get("gemm") > 0);
        }
    }

    private static long distinct(List<Prompt> prompts, int from, int to) {
        return prompts.stream()
                .map(p -> Arrays.toString(Arrays.copyOfRange(p.tokens(), from, to)))
                .distinct()
                .count();
    }
}
