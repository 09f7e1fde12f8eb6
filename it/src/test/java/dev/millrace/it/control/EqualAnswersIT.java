package dev.millrace.it.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ingest.IngestPolicies;
import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Answers for equal jobs over a real broker, and by an ingest that has lost its disk. */
class EqualAnswersIT {
    private static final Duration STALLED = Duration.ofSeconds(60);
    private static final int TRIES_MAX = 2_000;
    private static final IngestPolicies REUSE = new IngestPolicies(false, true, Map.of(), 1);

    @TempDir Path dir;

    @Test
    void theStoredAnswerIsFoundFromEveryPartitionAndAfterARestart() throws Exception {
        SlowEngine engine = new SlowEngine(prompt -> false);
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir, REUSE);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker = installation.worker("equal-worker", engine::model)) {
            int asked = 1;
            Completion answer = ask(jobs, completions, asked);
            assertNull(answer.getServedFrom(), "the control: the first one is computed");
            while (answer.getServedFrom() == null) {
                // Ingest learns of the answer a little later than this reader.
                assertTrue(asked < TRIES_MAX, "never found");
                answer = ask(jobs, completions, ++asked);
            }
            installation.restartIngest(dir.resolve("fresh"), REUSE);
            for (int i = 0; i < 16; i++) {
                answer = ask(jobs, completions, ++asked);
                assertTrue(answer.getServedFrom() != null, answer.getJobId());
                assertEquals("ttt", answer.getChoices().getFirst().getText());
                assertEquals(0, answer.getUsage().getCompletionTokens());
            }
            completions.readToEnd();
            assertEquals(asked, completions.seen().size(), "each job is answered once");
            assertFalse(worker.failure().isPresent());
        }
    }

    private static Completion ask(Jobs jobs, CompletionReader completions, int number) {
        String id = "job-" + number;
        jobs.publish(
                Topics.PROMPTS,
                PromptJob.newBuilder()
                        .setJobId(id)
                        .setCustomId(id)
                        .setModel(SlowEngine.MODEL)
                        .setMessages(List.of(new ChatMessage("user", "the same", null)))
                        .setSampling(SamplingParams.newBuilder().setTemperature(0.0).build())
                        .setCreatedAt(Instant.EPOCH)
                        .build());
        jobs.flush();
        completions.awaitJobs(number, STALLED);
        return completions.seen().stream()
                .filter(each -> each.getJobId().equals(id))
                .findFirst()
                .orElseThrow();
    }
}
