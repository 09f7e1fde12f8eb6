package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.Topics;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.apache.kafka.common.serialization.Serializer;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The real loop under orders, deadlines and several tenants, against the simulated broker. */
class WorkerOrdersTest {
    private final ManualClock clock = new ManualClock();
    private final SimulatedBroker broker = new SimulatedBroker(clock, 2);
    private final Map<String, Integer> steps = new HashMap<>();
    private final List<Completion> encoded = new ArrayList<>();
    private SimulatedEngine engine;
    private int maxRunning = 4;

    @Test
    void cancelStopsARunningSequenceWithinTwoStepsAndKeepsItsWork() {
        broker.append(0, "long@b1", 0);
        broker.append(0, "other@b2", 0);
        steps.put("long@b1", 100_000);
        steps.put("other@b2", 100_000);
        WorkerLoop loop = start(100);
        turns(loop, 20);
        long[] stepsTaken = new long[1];
        engine.onStep = step -> stepsTaken[0]++;
        broker.order("CANCEL batch b1");
        int stepsSinceOrder = 0;
        while (engine.stats().running() == 2) {
            loop.doWork();
            stepsSinceOrder++;
        }
        assertTrue(stepsTaken[0] <= 2 && stepsSinceOrder <= 2, stepsTaken[0] + " steps");
        turns(loop, 20);
        assertEquals(List.of("long@b1 CANCELLED"), completions());
        Completion cancelled = encoded.getLast();
        assertEquals("batch_cancelled", cancelled.getError().getCode());
        int made = cancelled.getUsage().getCompletionTokens();
        assertTrue(made >= 10, "it ran for " + made + " steps");
        assertEquals("x".repeat(made), cancelled.getChoices().getFirst().getText());
        assertEquals("abort", cancelled.getChoices().getFirst().getFinishReason());
        assertEquals(1, broker.outputs(Topics.USAGE).size(), "the partial work is charged");
        assertTrue(engine.hasWork(), "the control: the other batch goes on");
    }

    @Test
    void aWaitingJobIsCancelledWithoutUsage() {
        maxRunning = 1;
        broker.append(0, "runs", 0);
        broker.append(0, "waits", 0);
        steps.put("runs", 60);
        WorkerLoop loop = start(100);
        turns(loop, 5);
        broker.order("CANCEL job waits");
        turns(loop, 100);
        assertEquals(List.of("runs COMPLETED", "waits CANCELLED"), sorted());
        assertEquals(1, broker.outputs(Topics.USAGE).size());
        assertEquals("runs", broker.outputs(Topics.USAGE).getFirst().value());
    }

    @Test
    void ordersSurviveARestartAndAreKnownBeforeTheFirstJobIsTaken() {
        WorkerLoop first = start(100);
        turns(first, 5);
        broker.order("CANCEL batch b1");
        for (int i = 0; i < 200; i++) {
            broker.order("SET_PRIORITY job j" + i + " 1");
        }
        turns(first, 5);
        broker.append(0, "late@b1", 0);
        broker.append(0, "free@b2", 0);
        WorkerLoop second = start(100);
        turns(second, 60);
        assertEquals(List.of("free@b2 COMPLETED", "late@b1 CANCELLED"), sorted());
        assertEquals(
                List.of("prompt of free@b2"),
                engine.submittedPrompts,
                "the cancelled one never got near the engine");
    }

    @Test
    void pausedJobsWaitAndOthersGoOn() {
        WorkerLoop loop = start(100);
        broker.order("PAUSE batch b1");
        turns(loop, 3);
        for (int i = 0; i < 10; i++) {
            broker.append(0, "p" + i + "@b1", 0);
            broker.append(0, "f" + i + "@b2", 0);
        }
        turns(loop, 60);
        assertEquals(10, completions().size());
        assertTrue(
                completions().stream().allMatch(each -> each.contains("@b2")),
                completions().toString());
        broker.order("RESUME batch b1");
        turns(loop, 60);
        assertEquals(20, completions().size());
    }

    @Test
    void pauseTakesBackWhatTheEngineHasNotBegun() {
        maxRunning = 1;
        broker.append(0, "a@b1", 0);
        broker.append(0, "b@b1", 0);
        steps.put("a@b1", 30);
        WorkerLoop loop = start(100);
        turns(loop, 5);
        assertEquals(1, engine.stats().waiting());
        broker.order("PAUSE batch b1");
        turns(loop, 60);
        assertEquals(
                List.of("a@b1 COMPLETED"), completions(), "what runs may end, what waits stays");
        assertFalse(engine.hasWork());
    }

    @Test
    void parkingIsBoundedAndOtherPartitionsGoOn() {
        WorkerLoop loop = start(40);
        broker.order("PAUSE batch b1");
        turns(loop, 3);
        for (int i = 0; i < 500; i++) {
            broker.append(0, "p" + i + "@b1", 0);
        }
        turns(loop, 20);
        for (int i = 0; i < 200; i++) {
            broker.append(1, "f" + i + "@b2", 0);
        }
        turns(loop, 400);
        assertEquals(200, completions().size(), "the other partition is not held up");
        broker.order("CANCEL job p3@b1");
        turns(loop, 30);
        assertEquals("p3@b1 CANCELLED", completions().getLast(), "a parked job can be cancelled");
        broker.order("RESUME batch b1");
        turns(loop, 1500);
        assertEquals(700, completions().size());
    }

    @Test
    void priorityReordersWhatWaitsHereAndInTheEngine() {
        maxRunning = 1;
        for (int i = 0; i < 6; i++) {
            broker.append(0, "j" + i, 0);
            steps.put("j" + i, 8);
        }
        WorkerLoop loop = start(100);
        turns(loop, 4);
        broker.order("SET_PRIORITY job j5 9");
        broker.order("SET_PRIORITY job j1 -1");
        turns(loop, 200);
        assertEquals(
                List.of("j0", "j5", "j2", "j3", "j4", "j1"),
                completions().stream().map(each -> each.split(" ")[0]).toList());
    }

    @Test
    void aDeadlineByOrderEndsWhatWaitsAndWhatRunsAndCanBeMoved() {
        maxRunning = 1;
        for (String job : List.of("runs@b1", "waits@b1", "moved@b1")) {
            broker.append(0, job, 0);
            steps.put(job, 400);
        }
        WorkerLoop loop = start(100);
        turns(loop, 5);
        broker.order("SET_DEADLINE batch b1 " + (clock.millis() + 2000));
        broker.order("SET_DEADLINE job moved@b1 " + (clock.millis() + 3_600_000));
        turns(loop, 150);
        assertEquals(List.of("runs@b1 EXPIRED", "waits@b1 EXPIRED"), sorted());
        turns(loop, 500);
        assertEquals(
                List.of("moved@b1 COMPLETED", "runs@b1 EXPIRED", "waits@b1 EXPIRED"), sorted());
        Completion ran =
                encoded.stream()
                        .filter(each -> each.getJobId().equals("runs@b1"))
                        .findFirst()
                        .orElseThrow();
        assertTrue(ran.getUsage().getCompletionTokens() > 10, "what it had made is kept");
    }

    @Test
    void aFloodOfOneTenantDoesNotStarveAnother() {
        // The control: with one tenant the late job waits behind the whole flood.
        assertTrue(turnsUntilLateJobEnds("flood") > 300);
    }

    @Test
    void theLateJobOfAnotherTenantIsServedInTurn() {
        int turns = turnsUntilLateJobEnds("other");
        assertTrue(turns < 100, turns + " turns");
    }

    private int turnsUntilLateJobEnds(String tenantOfLateJob) {
        for (int i = 0; i < 2000; i++) {
            broker.append(0, "f" + i + "@b1@flood", 0);
        }
        WorkerLoop loop = start(4000);
        turns(loop, 40);
        assertTrue(
                engine.stats().waiting() > 1000, "the engine sees far ahead while nobody competes");
        broker.append(1, "late@b2@" + tenantOfLateJob, 0);
        int count = 0;
        while (completions().stream().noneMatch(each -> each.startsWith("late"))) {
            turns(loop, 1);
            count++;
        }
        turns(loop, 800);
        assertEquals(2001, completions().size(), "and the flood ends too");
        return count;
    }

    private WorkerLoop start(int maxJobs) {
        WorkerConfig config =
                WorkerConfig.defaults("one", "pool", "cpu", Map.of()).withBuffer(maxJobs, 1 << 20);
        engine = new SimulatedEngine(clock, this::stepsOf, maxRunning);
        WorkerMetrics metrics = new WorkerMetrics(new SimpleMeterRegistry(), config);
        WorkerContext context = new WorkerContext(config, WorkerLimits.of(config), clock, metrics);
        Serializer<Object> serializer =
                (topic, value) -> {
                    if (value instanceof Completion completion) {
                        encoded.add(completion);
                    }
                    return TestJobs.SERIALIZER.serialize(topic, value);
                };
        WorkerParts parts =
                new WorkerParts(
                        new LocalJobEngine(TestJobs.model(engine)),
                        serializer,
                        TestJobs.DESERIALIZER,
                        TestJobs.CONTROLS,
                        () -> WorkerState.RUNNING);
        return new WorkerLoop(
                context, parts, broker.clients("one", WorkerLimits.of(config).maxPollRecords()));
    }

    private int stepsOf(EngineRequest request) {
        return steps.getOrDefault(
                SimulatedEngine.promptOf(request).substring("prompt of ".length()), 1);
    }

    private void turns(WorkerLoop loop, int count) {
        for (int i = 0; i < count; i++) {
            clock.advance(Duration.ofMillis(20));
            loop.doWork();
        }
    }

    private List<String> completions() {
        return broker.outputs(Topics.COMPLETIONS).stream()
                .map(SimulatedBroker.Output::value)
                .toList();
    }

    private List<String> sorted() {
        return completions().stream().sorted().toList();
    }
}
