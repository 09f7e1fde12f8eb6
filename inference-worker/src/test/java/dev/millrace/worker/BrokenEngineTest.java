package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.HandOver;
import dev.millrace.schemas.Topics;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A worker that is started again whenever its engine has broken, as a supervisor does: jobs that
 * break every engine end as FAILED, all others are answered, each once.
 */
class BrokenEngineTest {
    private static final int JOBS = 120;
    private static final int MAX_TURNS = 3000;

    private final ManualClock clock = new ManualClock();
    private final SimulatedBroker broker = new SimulatedBroker(clock, 2);
    private final List<DeadLetter> letters = new ArrayList<>();
    private Deserializer<?> deserializer = TestJobs.DESERIALIZER;
    private Consumer<String> onBegin = job -> {};
    private int maxEngineFailures = 3;
    private int restarts;

    @Test
    void jobsThatBreakEveryEngineFailAndAllOthersAreAnswered() {
        publish(17, 60, 61);
        onBegin = BrokenEngineTest::breakOver;
        assertTrue(supervise(), "all is answered, after " + restarts + " restarts");
        // All three are in the engine at first; each then breaks a company, and dies alone.
        assertTrue(restarts >= 5 && restarts <= 7, restarts + " restarts");
        assertOnlyTheseFailed(17, 60, 61);
        assertEquals(3, letters.size());
        for (DeadLetter letter : letters) {
            String reason = letter.getError().getMessage();
            assertTrue(
                    reason.startsWith("job breaks-")
                            && reason.endsWith(
                                    "the engine failed 3 times with this job in it, the last time"
                                            + " with no other: java.lang.IllegalStateException: no"),
                    reason);
        }
        assertEquals(List.of(), handOversLeft(), "what was known of them goes with their answers");
    }

    /** The control: if failures are forgotten, the worker breaks over the same job for ever. */
    @Test
    void whenFailuresAreForgottenNothingEverEnds() {
        publish(17);
        onBegin = BrokenEngineTest::breakOver;
        deserializer =
                (topic, bytes) -> {
                    Object value = TestJobs.DESERIALIZER.deserialize(topic, bytes);
                    if (value instanceof HandOver handOver) {
                        handOver.setFailures(0);
                    }
                    return value;
                };
        assertTrue(!supervise());
        assertTrue(restarts > 20, restarts + " restarts");
        assertTrue(broker.unanswered().contains(name(17, 17)));
    }

    @Test
    void enginesThatBreakOverNoJobInParticularFailNone() {
        publish();
        int[] begun = new int[1];
        onBegin =
                job -> {
                    if (++begun[0] == 5 || begun[0] == 20 || begun[0] == 60) {
                        throw new IllegalStateException("the device is gone");
                    }
                };
        assertTrue(supervise());
        // Each job was in three broken engines at most, and never alone.
        assertEquals(3, restarts);
        assertOnlyTheseFailed();
        assertEquals(List.of(), letters);
    }

    /** At a limit of 2 every suspect runs alone at once. */
    @Test
    void theLimitIsWhatTheSettingsSay() {
        publish(3);
        onBegin = BrokenEngineTest::breakOver;
        maxEngineFailures = 2;
        assertTrue(supervise());
        assertEquals(2, restarts);
        assertOnlyTheseFailed(3);
    }

    @Test
    void aStackThatIsTooDeepCountsAsWell() {
        publish(3);
        onBegin =
                job -> {
                    if (job.startsWith(TestJobs.BREAKS)) {
                        throw new StackOverflowError();
                    }
                };
        assertTrue(supervise());
        assertOnlyTheseFailed(3);
    }

    private static void breakOver(String job) {
        if (job.startsWith(TestJobs.BREAKS)) {
            throw new IllegalStateException("no");
        }
    }

    private void publish(int... breaking) {
        for (int i = 0; i < JOBS; i++) {
            broker.append(i % 2, name(i, breaking), 0);
        }
    }

    private static String name(int number, int... breaking) {
        for (int each : breaking) {
            if (each == number) {
                return TestJobs.BREAKS + "-" + number;
            }
        }
        return "job-" + number;
    }

    /** Runs one worker after the other until all is answered; false if that does not come. */
    private boolean supervise() {
        WorkerLoop loop = start();
        for (int turn = 0; turn < MAX_TURNS; turn++) {
            if (broker.unanswered().isEmpty()) {
                loop.leave();
                return true;
            }
            clock.advance(Duration.ofMillis(20));
            try {
                loop.doWork();
            } catch (WorkerFailedException e) {
                assertTrue(e.getMessage().startsWith("the engine is broken"), e.getMessage());
                loop.abandon();
                restarts++;
                loop = start();
            }
        }
        return false;
    }

    private WorkerLoop start() {
        WorkerConfig config =
                WorkerConfig.defaults("one", "pool", "cpu", Map.of())
                        .withMaxEngineFailures(maxEngineFailures);
        SimulatedEngine engine = new SimulatedEngine(clock, this::begin);
        WorkerContext context = TestJobs.context(config, clock);
        WorkerParts parts =
                new WorkerParts(
                        new LocalJobEngine(TestJobs.model(engine)),
                        (topic, value) -> {
                            if (value instanceof DeadLetter letter) {
                                letters.add(letter);
                            }
                            return TestJobs.SERIALIZER.serialize(topic, value);
                        },
                        deserializer,
                        TestJobs.CONTROLS,
                        () -> WorkerState.RUNNING);
        return new WorkerLoop(context, parts, broker.clients("one", 500));
    }

    private int begin(EngineRequest request) {
        String job = SimulatedEngine.promptOf(request).substring("prompt of ".length());
        onBegin.accept(job);
        return 1 + job.length() % 3;
    }

    private void assertOnlyTheseFailed(int... breaking) {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < JOBS; i++) {
            String name = name(i, breaking);
            boolean isBreaking = name.startsWith(TestJobs.BREAKS);
            expected.add(name + (isBreaking ? " FAILED" : " COMPLETED"));
        }
        List<String> ended =
                broker.outputs(Topics.COMPLETIONS).stream()
                        .map(SimulatedBroker.Output::value)
                        .sorted()
                        .toList();
        assertEquals(expected.stream().sorted().toList(), ended, "each job once");
    }

    /** Job ids with a hand-over that nothing has removed, as compaction leaves them. */
    private List<String> handOversLeft() {
        Map<String, String> left = new HashMap<>();
        for (TopicPartition ready : broker.partitions) {
            TopicPartition partition =
                    new TopicPartition(HandOvers.topicOf(ready), ready.partition());
            broker.outputs(partition).forEach(output -> left.put(output.key(), output.value()));
        }
        left.values().removeIf(value -> value == null);
        return List.copyOf(left.keySet());
    }
}
