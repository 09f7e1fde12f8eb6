package dev.millrace.it.remote;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;
import dev.millrace.worker.remote.RemoteConfig;
import dev.millrace.worker.remote.RemoteEngine;
import dev.millrace.worker.remote.RemoteServerException;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The pipeline over a server that does everything wrong that a server can do, on a real Kafka. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RemoteEngineIT {
    private static final long SEED = Long.getLong("seed", 20261123);
    private static final Duration STALLED = Duration.ofSeconds(60);
    private static final int CONCURRENCY = 16;
    private static final int FAULTS = 3;

    @TempDir static Path dir;

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private TestKafka kafka;
    private Installation installation;

    @BeforeAll
    void start() throws Exception {
        kafka = TestKafka.inProcess(dir.resolve("kafka"));
        installation = new Installation(kafka, dir);
    }

    @AfterAll
    void stop() throws Exception {
        if (installation != null) {
            installation.close();
        }
        if (kafka != null) {
            kafka.close();
        }
    }

    @Test
    void everyJobIsAnsweredOnceWhateverTheServerDoes() throws Exception {
        int jobsInAll = 400;
        try (MisbehavingServer server = new MisbehavingServer(SEED, FAULTS);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker = worker("faults", faultsOnly(server.url()))) {
            for (int i = 0; i < jobsInAll; i++) {
                jobs.publish(Topics.PROMPTS, job("faults", i));
            }
            jobs.publish(Topics.PROMPTS, job(MisbehavingServer.REFUSED, 0));
            jobs.flush();
            completions.awaitJobs(jobsInAll + 1, STALLED);
            drain(worker);
            completions.readToEnd();
            for (Map.Entry<String, Long> answers : completions.answersPerJob().entrySet()) {
                assertEquals(1, answers.getValue(), answers.getKey() + ", seed " + SEED);
            }
            for (Completion completion : completions.seen()) {
                assertEnding(completion);
            }
            for (MisbehavingServer.Fault fault : MisbehavingServer.Fault.values()) {
                assertTrue(server.count(fault) > 0, fault + " never happened, seed " + SEED);
            }
            assertTrue(
                    server.mostAtOnce()
                            <= CONCURRENCY + server.count(MisbehavingServer.Fault.HANG));
            double retries =
                    meters.find("millrace.remote.retries").counters().stream()
                            .mapToDouble(Counter::count)
                            .sum();
            assertTrue(retries > 0, "nothing was retried, seed " + SEED);
        }
    }

    @Test
    void anOutageCostsNoJobItsAttemptsAndIntakeSaysWhyItWaits() throws Exception {
        try (MisbehavingServer server = new MisbehavingServer(SEED, 0);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker = worker("outage", config(server.url()))) {
            jobs.publish(Topics.PROMPTS, job("before", 0));
            jobs.flush();
            awaitBatch(completions, "before", 1);
            server.setDown(true);
            for (int i = 0; i < 100; i++) {
                jobs.publish(Topics.PROMPTS, job("outage", i));
            }
            jobs.flush();
            StatsReader stats = new StatsReader(installation.properties());
            String reason = stats.awaitHoldReason("outage", STALLED);
            stats.close();
            assertTrue(reason.contains("circuit breaker"), reason);
            server.setDown(false);
            awaitBatch(completions, "outage", 100);
            for (int i = 0; i < 100; i++) {
                assertEquals(1, server.answersTo("outage/job-" + i));
                assertTrue(
                        server.attemptsOf("outage/job-" + i)
                                < config(server.url()).retry().maxAttempts());
            }
            drain(worker);
        }
    }

    @Test
    void aJobThatExpiresClosesItsConnection() throws Exception {
        try (MisbehavingServer server = new MisbehavingServer(SEED, 0);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker = worker("expiry", patient(server.url()))) {
            // The deadline counts from when jobs are really taken, not from the worker's start.
            jobs.publish(Topics.PROMPTS, job("first", 0));
            jobs.flush();
            awaitBatch(completions, "first", 1);
            PromptJob endless = job(MisbehavingServer.ENDLESS, 0);
            endless.setDeadline(Instant.now().plusSeconds(10));
            jobs.publish(Topics.PROMPTS, endless);
            jobs.flush();
            Completion ended = awaitBatch(completions, MisbehavingServer.ENDLESS, 1).getFirst();
            assertEquals(CompletionStatus.EXPIRED, ended.getStatus());
            assertEquals(
                    1,
                    server.attemptsOf(MisbehavingServer.ENDLESS + "/job-0"),
                    "it was at the server");
            assertTrue(server.awaitClientLeft(30), "the server was left waiting");
            drain(worker);
        }
    }

    @Test
    void whatCannotWorkIsSaidAtTheStartWithTheUrl() throws Exception {
        URI nowhere;
        try (MisbehavingServer server = new MisbehavingServer(SEED, 0)) {
            nowhere = server.url();
            URI noVersion = URI.create(nowhere.toString().replace("/v1", "/v2"));
            assertFails(RemoteConfig.defaults(noVersion), noVersion.toString());
            RemoteConfig base = config(nowhere);
            RemoteConfig otherModel =
                    new RemoteConfig(
                            nowhere,
                            null,
                            null,
                            "other",
                            null,
                            1,
                            base.requestTimeout(),
                            base.retry(),
                            base.breaker());
            assertFails(otherModel, MisbehavingServer.MODEL);
        }
        assertFails(RemoteConfig.defaults(nowhere), nowhere.toString());
    }

    private void assertFails(RemoteConfig config, String part) {
        RemoteServerException e =
                assertThrows(
                        RemoteServerException.class, () -> RemoteEngine.connect(config, meters));
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    private static void assertEnding(Completion completion) {
        String id = completion.getJobId();
        if (completion.getBatchId().equals(MisbehavingServer.REFUSED)) {
            assertEquals(CompletionStatus.FAILED, completion.getStatus());
            assertEquals("body.messages", completion.getError().getParam());
        } else if (completion.getBatchId().equals("faults")) {
            assertEquals(
                    CompletionStatus.COMPLETED,
                    completion.getStatus(),
                    () -> id + ": " + completion.getError());
            assertEquals(id, completion.getChoices().getFirst().getText());
            assertEquals(5, completion.getUsage().getPromptTokens());
        }
    }

    /** The batch's completions once there are this many. */
    private static List<Completion> awaitBatch(
            CompletionReader completions, String batch, int count) {
        List<Completion> found = ofBatch(completions, batch);
        while (found.size() < count) {
            completions.awaitJobs(completions.answersPerJob().size() + 1, STALLED);
            found = ofBatch(completions, batch);
        }
        return found;
    }

    private static List<Completion> ofBatch(CompletionReader completions, String batch) {
        return completions.seen().stream().filter(c -> c.getBatchId().equals(batch)).toList();
    }

    private static PromptJob job(String batch, int number) {
        PromptJob job = Jobs.job(batch, number);
        job.setModel(MisbehavingServer.MODEL);
        return job;
    }

    private WorkerApp worker(String id, RemoteConfig config) {
        WorkerConfig settings =
                WorkerConfig.defaults(id, Topics.DEFAULT_POOL, "remote", installation.properties())
                        .withCommit(Duration.ofMillis(50), 64);
        WorkerApp worker =
                WorkerApp.over(settings, () -> RemoteEngine.connect(config, meters), meters);
        worker.start();
        return worker;
    }

    private static void drain(WorkerApp worker) throws InterruptedException {
        worker.drain();
        assertTrue(worker.awaitTermination(Duration.ofSeconds(40)), "the worker did not stop");
        assertTrue(worker.failure().isEmpty(), () -> "the worker failed: " + worker.failure());
    }

    private static RemoteConfig config(URI url) {
        return settings(url, Duration.ofSeconds(1), 8);
    }

    private static RemoteConfig patient(URI url) {
        return settings(url, Duration.ofSeconds(60), 8);
    }

    /** Half of all attempts fail here, and the breaker is another test's matter. */
    private static RemoteConfig faultsOnly(URI url) {
        return settings(url, Duration.ofMillis(700), 1000);
    }

    private static RemoteConfig settings(URI url, Duration timeout, int breakerFailures) {
        return new RemoteConfig(
                url,
                null,
                null,
                null,
                null,
                CONCURRENCY,
                timeout,
                new RemoteConfig.Retry(FAULTS + 5, Duration.ofMillis(10), Duration.ofMillis(100)),
                new RemoteConfig.Breaker(breakerFailures, Duration.ofMillis(200)));
    }
}
