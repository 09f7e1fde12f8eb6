package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The real loop in the test's thread, against the simulated broker: one rule of the cycle each. */
class WorkerLoopTest {
    private final ManualClock clock = new ManualClock();
    private final SimulatedBroker broker = new SimulatedBroker(clock, 2);
    private final Map<String, Integer> steps = new HashMap<>();
    private Instant deadline;
    private int unreachable;
    private int metadataLimitChars = WorkerConfig.BROKER_METADATA_LIMIT_CHARS;

    @Test
    void poisonBetweenGoodRecordsIsSetAsideInTheSameTransactionAsItsOffset() {
        broker.append(0, "a", 0);
        broker.append(0, "poison-1", 0);
        broker.append(0, "b", 0);
        turns(start("one", 100), 30);
        assertEquals(List.of("a COMPLETED", "b COMPLETED"), values(Topics.COMPLETIONS));
        assertEquals(List.of("poison-1"), values(Topics.DEAD_LETTERS), "with its bytes");
        assertEquals("ready.pool-0-1", broker.outputs(Topics.DEAD_LETTERS).getFirst().key());
        assertEquals(3, broker.committed.get(broker.partitions.get(0)).offset());
    }

    @Test
    void aRegistryThatDoesNotAnswerSetsNothingAside() {
        unreachable = 3;
        broker.append(0, "a", 0);
        turns(start("one", 100), 200);
        assertEquals(0, unreachable, "it was asked again");
        assertEquals(List.of("a COMPLETED"), values(Topics.COMPLETIONS));
        assertEquals(List.of(), values(Topics.DEAD_LETTERS));
    }

    @Test
    void aLateFinishAfterRevocationIsNotCommitted() {
        broker.append(0, "stays", 0);
        broker.append(1, "moves", 0);
        steps.put("moves", 1000);
        SimulatedEngine[] engines = new SimulatedEngine[2];
        WorkerLoop one = start("one", 100, engines, 0);
        turns(one, 20);
        assertEquals(
                List.of("stays COMPLETED"),
                values(Topics.COMPLETIONS),
                "the control: what is owned is committed");
        assertTrue(engines[0].hasWork());
        steps.put("moves", 1);
        WorkerLoop two = start("two", 100, engines, 1);
        turns(two, 1);
        turns(one, 1);
        assertFalse(engines[0].hasWork(), "the sequence of the revoked partition is aborted");
        turns(two, 30);
        turns(one, 2000);
        assertEquals(List.of("stays COMPLETED", "moves COMPLETED"), values(Topics.COMPLETIONS));
    }

    @Test
    void finishedJobsAreFlushedBeforeTheirPartitionGoes() {
        broker.append(1, "done", 0);
        SimulatedEngine[] engines = new SimulatedEngine[2];
        WorkerLoop one = start("one", 100, engines, 0);
        while (!engines[0].submittedPrompts.contains("prompt of done") || engines[0].hasWork()) {
            one.doWork();
        }
        assertEquals(List.of(), values(Topics.COMPLETIONS), "finished, and its commit is not due");
        WorkerLoop two = start("two", 100, engines, 1);
        turns(two, 1);
        turns(one, 1);
        assertEquals(List.of("done COMPLETED"), values(Topics.COMPLETIONS));
        turns(two, 20);
        assertEquals(List.of(), engines[1].submittedPrompts, "nobody computes it again");
    }

    @Test
    void aLostPartitionIsDroppedWithoutACommit() {
        broker.append(0, "a", 0);
        steps.put("a", 1000);
        SimulatedEngine[] engines = new SimulatedEngine[1];
        WorkerLoop one = start("one", 100, engines, 0);
        turns(one, 20);
        broker.remove(broker.members.get("one"));
        steps.put("a", 1);
        turns(one, 1);
        turns(one, 30);
        assertEquals(List.of("a COMPLETED"), values(Topics.COMPLETIONS));
        assertEquals(
                2, engines[0].submittedPrompts.size(), "read again after the partition came back");
    }

    @Test
    void theBufferStaysWithinItsBoundsAndEveryJobIsAnswered() {
        for (int i = 0; i < 200; i++) {
            broker.append(i % 2, "job-" + i, 0);
        }
        SimulatedEngine[] engines = new SimulatedEngine[1];
        WorkerLoop loop = start("one", 10, engines, 0);
        for (int i = 0; i < 400; i++) {
            turns(loop, 1);
            assertTrue(engines[0].stats().running() <= 10, "at most ten jobs are taken ahead");
        }
        assertEquals(200, values(Topics.COMPLETIONS).size());
    }

    @Test
    void aSlowJobStopsAdmissionBeforeTheMetadataIsFull() {
        for (int i = 0; i < 6000; i++) {
            broker.append(0, "job-" + i, 0);
        }
        steps.put("job-0", 100_000);
        // Every second of the first jobs ends late, so the set is as hard to describe as can be.
        for (int i = 2; i < 3000; i += 2) {
            steps.put("job-" + i, 600);
        }
        metadataLimitChars = 512;
        SimulatedEngine[] engines = new SimulatedEngine[1];
        WorkerLoop loop = start("one", 5000, engines, 0);
        int longest = 0;
        for (int i = 0; i < 9000; i++) {
            turns(loop, 1);
            OffsetAndMetadata committed = broker.committed.get(broker.partitions.get(0));
            longest = Math.max(longest, committed == null ? 0 : committed.metadata().length());
            if (i == 300) {
                assertTrue(
                        engines[0].submittedPrompts.size() < 3000,
                        "admission has stopped, though the buffer has room");
            }
        }
        assertTrue(longest > 256 && longest <= 512 * 3 / 4, longest + " chars");
        OffsetAndMetadata committed = broker.committed.get(broker.partitions.get(0));
        assertEquals(0, committed.offset(), "the slow job holds the offset");
        assertEquals(
                5999,
                FinishedAheadCodec.decode(0, committed.metadata()).orElseThrow().count(),
                "it does not hold the others");
    }

    @Test
    void aJobPastItsDeadlineExpiresWaitingOrRunning() {
        deadline = clock.instant().plusSeconds(5);
        broker.append(0, "runs", 0);
        steps.put("runs", 100_000);
        SimulatedEngine[] engines = new SimulatedEngine[1];
        WorkerLoop loop = start("one", 100, engines, 0);
        turns(loop, 20);
        clock.advance(Duration.ofSeconds(6));
        broker.append(0, "waits", 0);
        turns(loop, 30);
        assertEquals(
                List.of("runs EXPIRED", "waits EXPIRED"),
                values(Topics.COMPLETIONS).stream().sorted().toList());
        assertFalse(engines[0].hasWork(), "the sequence was stopped");
        assertEquals(
                1,
                engines[0].submittedPrompts.size(),
                "what came too late never reached the engine");
    }

    @Test
    void drainFinishesWhatIsInsideTakesNothingMoreAndLeaves() {
        broker.append(0, "inside", 0);
        steps.put("inside", 40);
        WorkerLoop loop = start("one", 100);
        turns(loop, 20);
        loop.drain();
        broker.append(0, "too-late", 0);
        for (int i = 0; i < 200 && !loop.isDrained(); i++) {
            turns(loop, 1);
        }
        assertTrue(loop.isDrained());
        loop.leave();
        assertEquals(List.of("inside COMPLETED"), values(Topics.COMPLETIONS));
        assertTrue(broker.members.isEmpty(), "it has left the group");
    }

    @Test
    void aBrokenEngineEndsTheWorker() {
        broker.append(0, "a", 0);
        SimulatedEngine[] engines = new SimulatedEngine[1];
        WorkerLoop loop = start("one", 100, engines, 0);
        engines[0].onStep =
                step -> {
                    throw new IllegalStateException("KV block 7 is used twice");
                };
        WorkerFailedException e = assertThrows(WorkerFailedException.class, () -> turns(loop, 30));
        assertEquals("the engine is broken: KV block 7 is used twice", e.getMessage());
    }

    @Test
    void aWorkerThatIsFencedOverAndOverGivesUp() {
        broker.append(0, "a", 0);
        WorkerLoop loop = start("one", 100);
        turns(loop, 1);
        WorkerFailedException e =
                assertThrows(
                        WorkerFailedException.class,
                        () -> {
                            for (int i = 0; i < 1000; i++) {
                                broker.producerEpochs.merge("one", 1, Integer::sum);
                                turns(loop, 1);
                            }
                        });
        assertTrue(e.getMessage().contains("another worker"), e.getMessage());
    }

    private WorkerLoop start(String id, int maxJobs) {
        return start(id, maxJobs, new SimulatedEngine[1], 0);
    }

    private WorkerLoop start(String id, int maxJobs, SimulatedEngine[] engines, int slot) {
        WorkerConfig config =
                WorkerConfig.defaults(id, "pool", "cpu", Map.of())
                        .withBuffer(maxJobs, 1 << 20)
                        .withMetadataLimitChars(metadataLimitChars);
        SimulatedEngine engine = new SimulatedEngine(clock, this::stepsOf);
        engines[slot] = engine;
        WorkerContext context = TestJobs.context(config, clock);
        Deserializer<PromptJob> deserializer = this::read;
        WorkerParts parts =
                new WorkerParts(
                        new LocalJobEngine(TestJobs.model(engine)),
                        TestJobs.SERIALIZER,
                        deserializer,
                        TestJobs.CONTROLS,
                        () -> WorkerState.RUNNING);
        return new WorkerLoop(
                context, parts, broker.clients(id, WorkerLimits.of(config).maxPollRecords()));
    }

    private PromptJob read(String topic, byte[] bytes) {
        if (unreachable > 0) {
            unreachable--;
            throw new TimeoutException("the registry does not answer");
        }
        PromptJob job = (PromptJob) TestJobs.DESERIALIZER.deserialize(topic, bytes);
        job.setDeadline(deadline);
        return job;
    }

    private int stepsOf(EngineRequest request) {
        String prompt = new String(request.promptTokenIds(), 0, request.promptTokenIds().length);
        return steps.getOrDefault(prompt.substring("prompt of ".length()), 1);
    }

    private void turns(WorkerLoop loop, int count) {
        for (int i = 0; i < count; i++) {
            clock.advance(Duration.ofMillis(20));
            loop.doWork();
        }
    }

    private List<String> values(String topic) {
        return broker.outputs(topic).stream().map(SimulatedBroker.Output::value).toList();
    }
}
