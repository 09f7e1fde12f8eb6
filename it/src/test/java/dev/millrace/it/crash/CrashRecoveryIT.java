package dev.millrace.it.crash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.Repository;
import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.Topics;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A worker process is killed with SIGKILL again and again while it answers 2,000 jobs. Afterwards
 * every job must have one answer, and no process may have prepared a job whose answer was committed
 * before that process began.
 */
class CrashRecoveryIT {
    private static final int JOBS = 2000;
    private static final int KILLS = 4;
    private static final Duration STALLED = Duration.ofSeconds(120);
    private static final String SYSTEM =
            "You turn dates that people write into ISO 8601. Answer with the date alone.";

    @TempDir Path dir;

    @Test
    void killedWorkersLoseDoubleAndRepeatNothing() throws Exception {
        long seed = Long.getLong("millrace.seed", 20261123L);
        Random random = new Random(seed);
        List<String> repeated = new ArrayList<>();
        int againAtAll = 0;
        try (TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(kafka, dir);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties())) {
            for (int i = 0; i < JOBS; i++) {
                jobs.publish(Topics.PROMPTS, job(i));
            }
            jobs.flush();
            Set<String> everPrepared = new HashSet<>();
            for (int life = 0; life <= KILLS; life++) {
                completions.readToEnd();
                Set<String> committedBefore = new HashSet<>(completions.answersPerJob().keySet());
                Path written = dir.resolve("prepared-" + life);
                Process worker = start(installation, written);
                try {
                    int target =
                            life == KILLS
                                    ? JOBS
                                    : committedBefore.size()
                                            + 1
                                            + random.nextInt(JOBS / (KILLS + 1));
                    completions.awaitJobs(target, STALLED);
                } finally {
                    worker.destroyForcibly();
                    assertTrue(
                            worker.waitFor(30, TimeUnit.SECONDS),
                            "the killed process is still there");
                }
                for (String id : preparedJobs(written)) {
                    againAtAll += everPrepared.add(id) ? 0 : 1;
                    if (committedBefore.contains(id)) {
                        repeated.add("life " + life + ": " + id);
                    }
                }
            }
            completions.readToEnd();
            assertEquals(JOBS, completions.answersPerJob().size(), "jobs answered, seed " + seed);
            assertEquals(JOBS, completions.seen().size(), "answers in all, seed " + seed);
            assertEquals(List.of(), repeated, "computed again although committed, seed " + seed);
            // The control: the kills did interrupt work, so that something uncommitted had to be
            // done again.
            assertTrue(
                    againAtAll > 0,
                    "no kill interrupted any job: the test has shown nothing, seed " + seed);
        }
    }

    private Process start(Installation installation, Path written) throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        String classPath =
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"));
        List<String> command =
                List.of(
                        java.toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:+UseSerialGC",
                        "-Xmx512m",
                        "-cp",
                        classPath,
                        CrashWorkerMain.class.getName(),
                        installation.properties().get("bootstrap.servers").toString(),
                        installation.properties().get("schema.registry.url").toString(),
                        Repository.root().resolve("ops/demo/millrace-demo").toString(),
                        written.toString());
        Path log = dir.resolve("worker-" + written.getFileName() + ".log");
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    private static Set<String> preparedJobs(Path written) throws IOException {
        Set<String> ids = new HashSet<>();
        assertTrue(Files.exists(written), "the worker prepared nothing");
        for (String line : Files.readAllLines(written)) {
            String id = line.substring(line.lastIndexOf('#') + 1);
            assertFalse(id.isBlank(), "unexpected prompt " + line);
            ids.add("crash/" + id);
        }
        return ids;
    }

    private static PromptJob job(int i) {
        return PromptJob.newBuilder()
                .setJobId("crash/" + i)
                .setCustomId(Integer.toString(i))
                .setBatchId("crash")
                .setModel("millrace-demo")
                .setMessages(
                        List.of(
                                message("system", SYSTEM),
                                message("user", "We met on 3 May 2021. Ref #" + i)))
                .setSampling(
                        SamplingParams.newBuilder().setMaxTokens(12).setTemperature(0.0).build())
                .setCreatedAt(Instant.EPOCH)
                .build();
    }

    private static ChatMessage message(String role, String content) {
        return ChatMessage.newBuilder().setRole(role).setContent(content).build();
    }
}
