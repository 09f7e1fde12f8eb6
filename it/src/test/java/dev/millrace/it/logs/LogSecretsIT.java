package dev.millrace.it.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.ingest.IngestPolicies;
import dev.millrace.it.pipeline.CompletionReader;
import dev.millrace.it.pipeline.DeadLetterReader;
import dev.millrace.it.pipeline.EchoEngine;
import dev.millrace.it.pipeline.Installation;
import dev.millrace.it.pipeline.Jobs;
import dev.millrace.it.pipeline.TestKafka;
import dev.millrace.ops.gateway.Gateway;
import dev.millrace.ops.gateway.GatewayConfig;
import dev.millrace.ops.gateway.KeyFile;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;
import dev.millrace.worker.remote.ApiKey;
import dev.millrace.worker.remote.RemoteConfig;
import dev.millrace.worker.remote.RemoteEngine;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;

/** Whatever becomes of a job, the log tells neither its prompt nor a key or a password. */
class LogSecretsIT {
    private static final Duration STALLED = Duration.ofSeconds(60);
    private static final String PROMPT = "quokka-5519";
    private static final String PASSWORD = "wombat-8842";
    private static final String WRONG_KEY = "ibis-2207";
    private static final String REMOTE_KEY = "numbat-3391";

    /** Known to Kafka's clients, and to the registry's, and logged by both if they were careless. */
    private static final Map<String, Object> SECRET_PROPERTIES =
            Map.of(
                    "ssl.key.password", PASSWORD,
                    "ssl.keystore.password", PASSWORD,
                    "sasl.jaas.config",
                            "org.apache.kafka.common.security.plain.PlainLoginModule required"
                                    + " username=\"u\" password=\"" + PASSWORD + "\";",
                    "basic.auth.credentials.source", "USER_INFO",
                    "basic.auth.user.info", "millrace:" + PASSWORD);

    @TempDir Path dir;

    @Test
    void whateverBecomesOfAJobItsPromptAndTheSecretsStayOutOfTheLog() throws Exception {
        try (LogCapture log = new LogCapture();
                TestKafka kafka = TestKafka.inProcess(dir.resolve("kafka"));
                Installation installation = new Installation(
                                kafka, dir, IngestPolicies.NONE, SECRET_PROPERTIES);
                Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties())) {
            String key;
            try (WorkerApp worker = installation.worker("local", LogSecretsIT::pickyModel)) {
                publishOneOfEach(jobs);
                key = askTheGateway(installation);
                completions.awaitJobs(6, STALLED);
                assertTrue(worker.failure().isEmpty(), () -> "" + worker.failure());
            }
            try (DeadLetterReader letters = new DeadLetterReader(installation.properties())) {
                letters.await(2, STALLED);
            }
            runAtAServerThatRepeatsWhatItIsSent(installation, jobs, completions);
            assertEquals(2, ended(completions, CompletionStatus.COMPLETED), "the good ones");
            assertEquals(5, ended(completions, CompletionStatus.FAILED), "the refused ones");
            for (String happened :
                    List.of("cannot be decoded", "dead-letters", "is left alone", "has failed")) {
                assertFalse(log.holding(happened).isEmpty(), "never logged: " + happened);
            }
            for (String secret : List.of(PROMPT, PASSWORD, key, WRONG_KEY, REMOTE_KEY)) {
                assertEquals(List.of(), log.holding(secret), "a secret is in the log");
                LoggerFactory.getLogger("dev.millrace.planted").debug("said {} aloud", secret);
                assertEquals(1, log.holding(secret).size(), "a planted line is not found");
            }
        }
    }

    /** Echoes; refuses one prompt by the book and breaks over another, both quoting it. */
    private static LoadedModel pickyModel() {
        return EchoEngine.model(
                7,
                20,
                prompt -> {
                    if (prompt.endsWith("refused")) {
                        throw new RequestRejectedException("too_long", "messages", "no: " + prompt);
                    }
                    if (prompt.endsWith("broken")) {
                        throw new IllegalStateException(
                                "lost in " + prompt, new ArithmeticException(prompt));
                    }
                });
    }

    private static void publishOneOfEach(Jobs jobs) {
        jobs.publish(Topics.PROMPTS, job(1, "good"));
        jobs.publish(Topics.PROMPTS, job(2, "refused"));
        jobs.publish(Topics.PROMPTS, job(3, "broken"));
        PromptJob invalid = job(4, "invalid");
        invalid.getSampling().setTemperature(9.0);
        jobs.publish(Topics.PROMPTS, invalid);
        byte[] poison = ("no avro " + PROMPT).getBytes(StandardCharsets.UTF_8);
        jobs.publishBytes(Topics.PROMPTS, PROMPT, poison);
        jobs.publishBytes(Topics.ready(Topics.DEFAULT_POOL), PROMPT, poison);
        jobs.flush();
    }

    private static PromptJob job(int number, String fate) {
        PromptJob job = Jobs.job("logs", number);
        job.getMessages().getFirst().setContent(PROMPT + " " + fate);
        return job;
    }

    private String askTheGateway(Installation installation) throws Exception {
        Path keys = dir.resolve("keys");
        String key = KeyFile.addKey(keys, "acme", new SecureRandom());
        GatewayConfig config =
                GatewayConfig.defaults(dir.resolve("files"), installation.properties());
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        try (Gateway gateway =
                        new Gateway(config, new KeyFile(keys), meters, InstantSource.system());
                HttpPort port = new HttpPort(any);
                BatchCaller caller = new BatchCaller(port.url())) {
            gateway.start(port);
            String line =
                    new ObjectMapper()
                            .writeValueAsString(
                                    Map.of("custom_id", "1", "method", "POST",
                                            "url", "/v1/chat/completions",
                                            "body", Map.of("model", EchoEngine.MODEL, "messages",
                                                    List.of(Map.of("role", "user",
                                                            "content", PROMPT + " good")))));
            caller.refused(401, WRONG_KEY, "{\"input_file_id\":\"" + PROMPT + "\"}");
            caller.refused(400, key, "{\"metadata\":\"" + PROMPT);
            caller.runToItsEnd(key, line + "\n" + PROMPT + " no json\n{\"custom_id\":\"2\"}\n");
        }
        return key;
    }

    private static void runAtAServerThatRepeatsWhatItIsSent(
            Installation installation, Jobs jobs, CompletionReader completions) throws Exception {
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        WorkerConfig settings =
                WorkerConfig.defaults(
                        "remote", Topics.DEFAULT_POOL, "remote", installation.properties());
        try (EchoingServer server = new EchoingServer(EchoEngine.MODEL)) {
            RemoteConfig base = RemoteConfig.defaults(server.url());
            RemoteConfig config =
                    new RemoteConfig(
                            server.url(), new ApiKey(REMOTE_KEY), null, null, null, 1,
                            base.requestTimeout(),
                            new RemoteConfig.Retry(3, Duration.ofMillis(1), Duration.ofMillis(10)),
                            new RemoteConfig.Breaker(1, Duration.ofMillis(50)));
            try (WorkerApp worker =
                    WorkerApp.over(settings, () -> RemoteEngine.connect(config, meters), meters)) {
                worker.start();
                jobs.publish(Topics.PROMPTS, job(5, "refused by the server"));
                jobs.flush();
                completions.awaitJobs(7, STALLED);
                jobs.publish(Topics.PROMPTS, job(6, "that meets no known key"));
                jobs.flush();
                assertTrue(worker.awaitTermination(STALLED), "a wrong key ends the worker");
            }
        }
    }

    private static long ended(CompletionReader completions, CompletionStatus status) {
        return completions.seen().stream().filter(each -> each.getStatus() == status).count();
    }
}
