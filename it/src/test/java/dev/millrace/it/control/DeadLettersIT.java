package dev.millrace.it.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.ops.Millrace;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code millrace dlq} as a user runs it, against a real broker. */
class DeadLettersIT {
    private static final Duration STALLED = Duration.ofSeconds(60);

    @TempDir Path dir;

    private record Ran(int code, String out) {}

    @Test
    void listShowAndReplay() throws Exception {
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties())) {
            jobs.publishBytes(
                    Topics.PROMPTS, "k", "no job, secret prompt".getBytes(StandardCharsets.UTF_8));
            // As if an older ingest could not read a job that today's can: its answer shows that
            // the replay arrived.
            jobs.publishBytes(
                    Topics.DEAD_LETTERS, "prompts-9-77", fixedSince(installation.properties()));
            jobs.flush();
            Ran list = awaitLetters(installation, 2);
            assertTrue(list.out().contains("1 unreadable_record from prompts"), list.out());
            assertTrue(list.out().contains("1 old_reason from prompts"), list.out());
            assertEquals(
                    "1 dead letters",
                    lastLine(run(installation, "dlq", "list", "--reason", "old_reason")));

            String poison =
                    list.out()
                            .lines()
                            .filter(line -> line.contains("unreadable_record "))
                            .findFirst()
                            .orElseThrow()
                            .split(" ")[0];
            Ran shown = run(installation, "dlq", "show", poison);
            assertEquals(0, shown.code(), shown.out());
            assertTrue(shown.out().contains("21 bytes"), shown.out());
            assertFalse(shown.out().contains("secret"), "the value is not shown unasked");
            Ran withValue = run(installation, "dlq", "show", poison, "--show-value");
            assertTrue(withValue.out().contains("no job, secret p"), withValue.out());
            assertEquals(1, run(installation, "dlq", "show", "prompts-0-12345").code());

            assertEquals(2, run(installation, "dlq", "replay").code(), "nothing was named");
            Ran dry = run(installation, "dlq", "replay", "--all", "--dry-run");
            assertEquals("2 would be replayed", lastLine(dry));
            assertEquals(
                    "2 dead letters",
                    lastLine(run(installation, "dlq", "list")),
                    "a dry run changes nothing");

            assertEquals(
                    "1 replayed", lastLine(run(installation, "dlq", "replay", "prompts-9-77")));
            completions.awaitJobs(1, STALLED);
            assertEquals("replayed-job", completions.seen().getFirst().getJobId());

            assertEquals(0, run(installation, "dlq", "replay", poison).code());
            Ran again = awaitLetters(installation, 3);
            assertTrue(again.out().contains("(failed again)"), again.out());
        }
    }

    /** A job that ends in ingest, without a worker: its rejection makes it FAILED. */
    private static byte[] fixedSince(Map<String, Object> properties) {
        PromptJob job =
                PromptJob.newBuilder()
                        .setJobId("replayed-job")
                        .setCustomId("c")
                        .setModel("m")
                        .setSampling(SamplingParams.newBuilder().build())
                        .setCreatedAt(Instant.EPOCH)
                        .setRejection(new ErrorInfo("invalid", "made so", null))
                        .build();
        try (AvroSerializer<PromptJob> jobs = new AvroSerializer<>();
                AvroSerializer<DeadLetter> letters = new AvroSerializer<>()) {
            jobs.configure(properties, false);
            letters.configure(properties, false);
            DeadLetter letter =
                    DeadLetter.newBuilder()
                            .setSourceTopic(Topics.PROMPTS)
                            .setSourcePartition(9)
                            .setSourceOffset(77)
                            .setKey(
                                    ByteBuffer.wrap(
                                            "replayed-job".getBytes(StandardCharsets.UTF_8)))
                            .setValue(ByteBuffer.wrap(jobs.serialize(Topics.PROMPTS, job)))
                            .setError(new ErrorInfo("old_reason", "could not be read then", null))
                            .setFailedBy("ingest")
                            .setFailedAt(Instant.now())
                            .build();
            return letters.serialize(Topics.DEAD_LETTERS, letter);
        }
    }

    private static Ran awaitLetters(Installation installation, int count) {
        long end = System.nanoTime() + STALLED.toNanos();
        while (true) {
            Ran list = run(installation, "dlq", "list");
            if (lastLine(list).equals(count + " dead letters")) {
                return list;
            }
            assertTrue(System.nanoTime() < end, list.out());
        }
    }

    private static String lastLine(Ran ran) {
        return ran.out().lines().reduce((first, second) -> second).orElse("");
    }

    private static Ran run(Installation installation, String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(
                List.of(
                        "--bootstrap",
                        installation.properties().get("bootstrap.servers").toString(),
                        "--registry",
                        installation.properties().get("schema.registry.url").toString()));
        StringWriter out = new StringWriter();
        CommandLine line =
                Millrace.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(out));
        return new Ran(line.execute(all.toArray(String[]::new)), out.toString());
    }
}
