package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.WeightFormat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A step that only goes on with what it has allocates nothing on the Java heap, in any thread: no
 * sequence begins or ends in it, and no table has to grow. That holds of compiled code, where
 * vectors are no objects, so it goes on until all is compiled, in a process that is started as the
 * launcher starts one: what HotSpot makes of a loop depends on all that has run before.
 */
class SteadyStepTest {
    private static final Path MODEL = Path.of("../ops/demo/millrace-demo");
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long SEED = 29;
    private static final int SEQUENCES = 12;
    private static final int SHARED = 96;
    private static final int OUTPUT = 300;

    /** Steps in a row, about as many as a block takes tokens of a sequence. */
    private static final int IN_A_ROW = 8;

    /** Rounds of {@link #OUTPUT} steps until the compiler has to be done. */
    private static final int MOST_ROUNDS = 12;

    /** What the launcher says about compilation. */
    private static final List<String> AS_LAUNCHED =
            List.of(
                    "-XX:CompileCommand=quiet",
                    "-XX:CompileCommandFile=../ops/bin/hotspot.txt",
                    "-XX:CompileCommand=CompileThresholdScaling,"
                            + "dev.millrace.engine.backend.cpu.*::*,0.05");

    @ParameterizedTest
    @CsvSource({"BF16, BF16, false", "INT8, BF16, false", "INT8, INT8, false", "BF16, BF16, true"})
    void allocatesNothing(String weights, String kv, String batchInvariant) throws Exception {
        String output =
                OwnProcess.output(
                        Steps.class, Map.of(), AS_LAUNCHED, weights, kv, batchInvariant);
        assertEquals(Steps.NOTHING, OwnProcess.lastLine(output), output);
    }

    /** Generates until a run of steps has allocated nothing, or the compiler has had its time. */
    static final class Steps {
        static final String NOTHING = IN_A_ROW + " steps in a row have allocated nothing";

        private Steps() {}

        public static void main(String[] args) {
            Numerics numerics =
                    new Numerics(
                            WeightFormat.valueOf(args[0]),
                            Boolean.parseBoolean(args[2]),
                            KvFormat.valueOf(args[1]));
            try (Engine engine = open(numerics)) {
                for (int round = 0; round < MOST_ROUNDS; round++) {
                    long[] bytes = bytesOfSteps(engine, round);
                    if (longestRunOfZeros(bytes) >= IN_A_ROW) {
                        System.out.println(NOTHING);
                        return;
                    }
                    System.out.println("seed " + (SEED + round) + ": " + Arrays.toString(bytes));
                }
            }
        }
    }

    private static long[] bytesOfSteps(Engine engine, int round) {
        Random random = new Random(SEED + round);
        int[] shared = random.ints(SHARED, 300, 1000).toArray();
        for (int i = 0; i < SEQUENCES; i++) {
            int[] tokens = Arrays.copyOf(shared, SHARED + 1 + i);
            Arrays.setAll(tokens, t -> t < SHARED ? shared[t] : random.nextInt(300, 1000));
            engine.submit(new EngineRequest(i, tokens, sampling(i), 0));
        }
        long[] bytes = new long[OUTPUT];
        for (int step = 0; step < OUTPUT; step++) {
            long before = THREADS.getTotalThreadAllocatedBytes();
            engine.step();
            bytes[step] = THREADS.getTotalThreadAllocatedBytes() - before;
        }
        while (engine.hasWork()) {
            engine.step();
        }
        return bytes;
    }

    private static int longestRunOfZeros(long[] bytes) {
        int longest = 0;
        int run = 0;
        for (long each : bytes) {
            run = each == 0 ? run + 1 : 0;
            longest = Math.max(longest, run);
        }
        return longest;
    }

    /** Greedy and drawn; the answers are of one length. */
    private static SamplingParams sampling(int i) {
        double temperature = i % 2 == 0 ? 0 : 0.8;
        return new SamplingParams(
                OUTPUT, temperature, 0.9, 20, 0, 1, 0, 0, Map.of(), -1, List.of(), List.of(), 1, i,
                true, true);
    }

    private static Engine open(Numerics numerics) {
        EngineConfig config =
                new EngineConfig(
                        "cpu", 16, 512, 16, 64 << 20, 0, true, 2, numerics, Speculation.OFF);
        return EngineFactory.open(MODEL, "demo", config).engine();
    }
}
