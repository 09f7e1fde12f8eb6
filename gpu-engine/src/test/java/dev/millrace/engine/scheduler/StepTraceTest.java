package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.observe.StepTrace;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.HashMap;
import java.util.Map;

class StepTraceTest {

    @Test
    void oneStepIsOneLine() {
        StringBuilder out = new StringBuilder();
        LlmEngine engine = engine();
        engine.listen(new StepTrace(out));
        engine.submit(new EngineRequest(7, new int[] {1, 2, 3}, SamplingParams.greedy(2), 0));
        engine.step();
        engine.step();
        assertEquals(
                """
                {"step":1,"tokens":3,"run":[[7,0,0,3]],"admitted":[[7,0]],"preempted":[],"finished":[]}
                {"step":2,"tokens":1,"run":[[7,0,3,1]],"admitted":[],"preempted":[],"finished":[7]}
                """,
                out.toString());
    }

    /**
     * The lines of busy engines tell where every sequence stood: each goes on where it stopped, or
     * begins again.
     */
    @Test
    void theLinesAreAScheduleThatCanBeReplayed() throws JsonProcessingException {
        int preempted = 0;
        for (long seed = 1; seed <= 10; seed++) {
            SimulationWorld world = new SimulationWorld(seed);
            world.run(100);
            preempted += replay(world);
        }
        assertTrue(preempted > 0, "some of these worlds preempt");
    }

    private static int replay(SimulationWorld world) throws JsonProcessingException {
        Map<String, Integer> positions = new HashMap<>();
        long tokens = 0;
        int preempted = 0;
        for (String line : world.trace().split("\n")) {
            JsonNode step = new ObjectMapper().readTree(line);
            for (JsonNode name : step.get("preempted")) {
                positions.remove(name.toString());
                preempted++;
            }
            for (JsonNode name : step.get("admitted")) {
                assertTrue(!positions.containsKey(name.toString()), line);
            }
            int inStep = 0;
            for (JsonNode run : step.get("run")) {
                String name = "[" + run.get(0) + "," + run.get(1) + "]";
                int start = run.get(2).asInt();
                assertEquals(positions.getOrDefault(name, start), start, line);
                int wrong = run.size() == 4 ? 0 : run.get(4).asInt() - run.get(5).asInt();
                positions.put(name, start + run.get(3).asInt() - wrong);
                inStep += run.get(3).asInt();
            }
            assertEquals(inStep, step.get("tokens").asInt());
            tokens += inStep;
        }
        assertEquals(world.tokensComputed(), tokens);
        assertEquals(world.stats().preemptions(), preempted);
        return preempted;
    }

    @Test
    void aTraceThatCannotBeWrittenSaysSo() {
        Writer full =
                new Writer() {
                    @Override
                    public void write(char[] chars, int offset, int length) throws IOException {
                        throw new IOException("disk full");
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                };
        LlmEngine engine = engine();
        engine.listen(new StepTrace(full));
        engine.submit(new EngineRequest(1, new int[] {1}, SamplingParams.greedy(1), 0));
        assertEquals(
                "disk full",
                assertThrows(UncheckedIOException.class, engine::step).getCause().getMessage());
    }

    private static LlmEngine engine() {
        SimulatedExecutor executor = new SimulatedExecutor(16, 4, 32, false);
        return new LlmEngine(
                executor,
                new SimulatedTexts(),
                new int[0],
                new EngineConfig("simulated", 4, 16, 4, 1, 0, true, 1, Numerics.DEFAULT, Speculation.OFF));
    }
}
