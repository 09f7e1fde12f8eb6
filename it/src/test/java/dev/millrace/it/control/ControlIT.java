package dev.millrace.it.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.ops.control.ControlPublisher;
import dev.millrace.ops.control.ControlPublisher.Target;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.worker.WorkerApp;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Orders on a real broker, with sequences that run, and over a restart of the worker. */
class ControlIT {
    private static final Duration STALLED = Duration.ofSeconds(60);
    private static final int ENDLESS_JOBS = 40;

    @TempDir Path dir;

    @Test
    void cancelStopsWhatRunsAndIsRememberedByTheNextWorker() throws Exception {
        SlowEngine engine = new SlowEngine(prompt -> prompt.startsWith("endless"));
        SlowEngine afterRestart = new SlowEngine(prompt -> false);
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir);
                ControlPublisher control =
                        new ControlPublisher(
                                installation.properties(), "test", InstantSource.system());
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties())) {
            try (WorkerApp worker = installation.worker("control-worker", engine::model)) {
                publish(jobs, Topics.PROMPTS, "endless", ENDLESS_JOBS);
                await(() -> engine.running().getAsInt() == 8);
                publish(jobs, Topics.PROMPTS, "short", 5);
                control.cancel(Target.batch("endless"));
                completions.awaitJobs(ENDLESS_JOBS + 5, STALLED);
                assertFalse(worker.failure().isPresent());
            }
            checkEndings(completions, engine);
            BatchProgress end =
                    BatchWatch.awaitBatch(
                            installation.properties(), "endless", STALLED, progress -> {});
            assertEquals(BatchStatus.CANCELLED, end.getStatus());
            assertEquals(ENDLESS_JOBS, end.getCancelled());
            assertTrue(end.getCompletionTokens() > 0, "partial work is in the batch's usage");

            // One way in past ingest, as for jobs that were routed before the order; one through
            // it.
            jobs.publish(Topics.ready(Topics.DEFAULT_POOL), job("endless", 1000));
            publish(jobs, Topics.PROMPTS, "short2", 1);
            jobs.publish(Topics.PROMPTS, job("endless", 1001));
            jobs.flush();
            try (WorkerApp worker = installation.worker("control-worker", afterRestart::model)) {
                completions.awaitJobs(ENDLESS_JOBS + 8, STALLED);
                assertFalse(worker.failure().isPresent());
            }
            assertEquals("control-worker", only(completions, "endless/1000").getWorkerId());
            assertEquals(CompletionStatus.CANCELLED, only(completions, "endless/1000").getStatus());
            assertEquals("ingest", only(completions, "endless/1001").getWorkerId());
            assertEquals(CompletionStatus.CANCELLED, only(completions, "endless/1001").getStatus());
            assertTrue(
                    afterRestart.begun.stream().noneMatch(prompt -> prompt.startsWith("endless")));
            assertEquals(
                    1, afterRestart.begun.size(), "the control: the job of another batch did run");
        }
    }

    @Test
    void pausedWaitsOthersRunAndADeadlineEndsWhatIsPaused() throws Exception {
        SlowEngine engine = new SlowEngine(prompt -> false);
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir);
                ControlPublisher control =
                        new ControlPublisher(
                                installation.properties(), "test", InstantSource.system());
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker = installation.worker("pause-worker", engine::model)) {
            control.pause(Target.batch("held"));
            publish(jobs, Topics.PROMPTS, "held", 10);
            publish(jobs, Topics.PROMPTS, "free", 10);
            completions.awaitJobs(10, STALLED);
            assertTrue(
                    completions.seen().stream().allMatch(each -> each.getBatchId().equals("free")));
            control.setDeadline(Target.job("held/3"), Instant.now());
            completions.awaitJobs(11, STALLED);
            assertEquals(CompletionStatus.EXPIRED, only(completions, "held/3").getStatus());
            control.resume(Target.batch("held"));
            completions.awaitJobs(20, STALLED);
            assertEquals(20, completions.seen().size());
            assertFalse(worker.failure().isPresent());
        }
    }

    private static void checkEndings(CompletionReader completions, SlowEngine engine) {
        completions.readToEnd();
        assertEquals(ENDLESS_JOBS + 5, completions.seen().size(), "each job is answered once");
        int withWork = 0;
        for (Completion completion : completions.seen()) {
            if (completion.getBatchId().equals("short")) {
                assertEquals(CompletionStatus.COMPLETED, completion.getStatus());
            } else {
                assertEquals(CompletionStatus.CANCELLED, completion.getStatus());
                withWork += completion.getUsage() == null ? 0 : 1;
            }
        }
        long begun = engine.begun.stream().filter(prompt -> prompt.startsWith("endless")).count();
        assertEquals(begun, withWork, "those that ran, and only those, are charged");
        Completion partial =
                completions.seen().stream()
                        .filter(
                                each ->
                                        each.getStatus() == CompletionStatus.CANCELLED
                                                && each.getUsage() != null)
                        .findFirst()
                        .orElseThrow();
        assertEquals(
                "t".repeat(partial.getUsage().getCompletionTokens()),
                partial.getChoices().getFirst().getText());
        assertEquals("abort", partial.getChoices().getFirst().getFinishReason());
    }

    private static Completion only(CompletionReader completions, String jobId) {
        List<Completion> found =
                completions.seen().stream().filter(each -> each.getJobId().equals(jobId)).toList();
        assertEquals(1, found.size(), jobId);
        return found.getFirst();
    }

    private static void publish(Jobs jobs, String topic, String batch, int count) {
        for (int i = 0; i < count; i++) {
            jobs.publish(topic, job(batch, i));
        }
        jobs.flush();
    }

    private static PromptJob job(String batch, int number) {
        String id = batch + "/" + number;
        return PromptJob.newBuilder()
                .setJobId(id)
                .setCustomId(Integer.toString(number))
                .setBatchId(batch)
                .setModel(SlowEngine.MODEL)
                .setMessages(
                        List.of(ChatMessage.newBuilder().setRole("user").setContent(id).build()))
                .setSampling(SamplingParams.newBuilder().build())
                .setCreatedAt(Instant.EPOCH)
                .build();
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + STALLED.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "waited for " + STALLED);
            LockSupport.parkNanos(1_000_000);
        }
    }
}
