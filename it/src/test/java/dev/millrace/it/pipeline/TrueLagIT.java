package dev.millrace.it.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagTracker;
import dev.millrace.ops.status.TrueLag;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Lag beside the truth: jobs published less completions committed, looked at while a worker
 * finishes jobs in a random order. Completions and offsets become visible a moment apart, so the
 * two may differ by what one commit carries; the promise is less, the jobs in flight.
 */
class TrueLagIT {
    private static final long SEED = 20261124;
    private static final int JOBS = 6_000;
    private static final int BATCHES = 3;

    /** How far the worker may be ahead of what the test has seen: more than one of its commits. */
    private static final int AHEAD = 400;

    /** Two commits of the worker that {@link Installation} starts; in flight are thousands. */
    private static final long TOLERANCE = 2 * 64 + 64;

    private static final Duration STALLED = Duration.ofSeconds(60);

    @TempDir Path dir;

    @Test
    void lagIsTheTruthAtEveryInstant() throws Exception {
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir);
                LagTracker tracker = tracker(installation)) {
            publish(installation);
            LagSnapshot admitted = untilAdmitted(tracker);
            assertEquals(JOBS, admitted.records());
            assertBatchesAndTenants(admitted);
            List<Long> naiveErrors = new ArrayList<>();
            // Answers are held back, so that many looks fall into the work on any machine.
            Semaphore allowed = new Semaphore(0);
            try (CompletionReader completions = new CompletionReader(installation.properties());
                    TrueLag naive = new TrueLag(installation.properties());
                    WorkerApp worker =
                            installation.worker(
                                    "lag",
                                    () ->
                                            EchoEngine.heldBack(
                                                    SEED, 4, () -> mayAnswer(allowed)))) {
                try {
                    int between =
                            watch(new Watched(tracker, naive, completions), allowed, naiveErrors);
                    assertTrue(between >= 8, "only " + between + " looks while the worker ran");
                } finally {
                    allowed.release(2 * JOBS);
                }
            }
            assertDrained(installation, tracker);
            long naiveError = naiveErrors.stream().mapToLong(Long::longValue).max().orElse(0);
            assertTrue(
                    naiveError > TOLERANCE,
                    "the committed offset alone was never off by more than " + naiveError);
        }
    }

    /** Waits a moment for leave, so that a worker held back does not take the machine's time. */
    private static boolean mayAnswer(Semaphore allowed) {
        try {
            return allowed.tryAcquire(10, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static LagTracker tracker(Installation installation) {
        return new LagTracker(
                installation.properties(), Topics.DEFAULT_POOL, InstantSource.system());
    }

    private static void publish(Installation installation) {
        try (Jobs jobs = new Jobs(installation.properties())) {
            for (int i = 0; i < JOBS; i++) {
                PromptJob job = Jobs.job("lag-" + i % BATCHES, i);
                job.setTenant(i % 2 == 0 ? "even" : "odd");
                jobs.publish(Topics.PROMPTS, job);
            }
            jobs.flush();
        }
    }

    /** Looks until ingest has passed everything on; on the way nothing may be missing. */
    private static LagSnapshot untilAdmitted(LagTracker tracker) {
        long deadline = System.nanoTime() + STALLED.toNanos();
        while (true) {
            LagSnapshot lag = tracker.look();
            assertTrue(lag.records() >= JOBS, lag.records() + " of " + JOBS + " jobs are in sight");
            if (records(lag, Topics.PROMPTS) == 0) {
                return lag;
            }
            assertTrue(System.nanoTime() < deadline, "ingest does not get on: " + lag);
        }
    }

    private static void assertBatchesAndTenants(LagSnapshot lag) {
        assertEquals(BATCHES, lag.batches().size());
        for (Amount batch : lag.batches().values()) {
            assertEquals(JOBS / BATCHES, batch.records());
            assertTrue(batch.promptTokens() >= batch.records(), batch.toString());
        }
        var ready = lag.topics().get(1);
        assertEquals(JOBS / 2, ready.tenants().get("even").records());
        assertEquals(JOBS / 2, ready.tenants().get("odd").records());
        assertEquals(0, ready.unattributed());
    }

    private record Watched(LagTracker tracker, TrueLag naive, CompletionReader completions) {}

    private static int watch(Watched watched, Semaphore allowed, List<Long> naiveErrors) {
        CompletionReader completions = watched.completions();
        int between = 0;
        int released = 0;
        int seen = 0;
        long lastMove = System.nanoTime();
        while (true) {
            completions.readToEnd();
            if (completions.seen().size() > seen) {
                seen = completions.seen().size();
                lastMove = System.nanoTime();
            }
            allowed.release(seen + AHEAD - released);
            released = seen + AHEAD;
            long before = JOBS - seen;
            LagSnapshot lag = watched.tracker().look();
            long committedLag =
                    watched.naive()
                            .of(WorkerConfig.groupFor(Topics.DEFAULT_POOL), Topics.ready("default"))
                            .committedLag();
            completions.readToEnd();
            long after = JOBS - completions.seen().size();
            assertTrue(
                    after - TOLERANCE <= lag.records() && lag.records() <= before + TOLERANCE,
                    "lag " + lag.records() + " is not between " + after + " and " + before);
            naiveErrors.add(committedLag - before);
            between += 0 < after && before < JOBS ? 1 : 0;
            if (after == 0) {
                return between;
            }
            assertTrue(
                    System.nanoTime() - lastMove < STALLED.toNanos(),
                    "the worker does not get on: " + after);
        }
    }

    /** A drained topic has no lag, though transaction markers lie behind the last offset. */
    private static void assertDrained(Installation installation, LagTracker tracker) {
        long deadline = System.nanoTime() + STALLED.toNanos();
        LagSnapshot lag = tracker.look();
        while (lag.records() > 0 || records(lag, Topics.COMPLETIONS) > 0) {
            assertTrue(System.nanoTime() < deadline, "left over: " + lag);
            lag = tracker.look();
        }
        assertTrue(lag.batches().isEmpty(), lag.batches().toString());
        try (TrueLag reader = new TrueLag(installation.properties())) {
            for (LagSnapshot.TopicView topic : lag.topics()) {
                assertEquals(0, reader.of(topic.group(), topic.topic()).records(), topic.topic());
            }
        }
    }

    private static long records(LagSnapshot lag, String topic) {
        return lag.topics().stream()
                .filter(view -> view.topic().equals(topic))
                .mapToLong(view -> view.total().records())
                .sum();
    }
}
