package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

class WorkerSettingsTest {
    private final WorkerConfig config =
            WorkerConfig.defaults("w1", "gpu", "cpu", Map.of("bootstrap.servers", "host:9092"));

    @Test
    void aSettingOutOfRangeIsNamed() {
        assertMessage(
                "worker setting maxBufferedJobs must be at least 1, not 0",
                () -> config.withBuffer(0, 1));
        assertMessage(
                "worker setting commitInterval must be positive, not PT0S",
                () -> config.withCommit(Duration.ZERO, 1));
        assertMessage(
                "worker setting workerId must be letters, digits, '.', '_' or '-', not a b",
                () -> WorkerConfig.defaults("a b", "gpu", "cpu", Map.of()));
        assertMessage(
                "worker setting metadataLimitChars must be at least 256, not 10",
                () -> config.withMetadataLimitChars(10));
    }

    @Test
    void onePollCannotOverfillTheBuffer() {
        for (int jobs : new int[] {1, 2, 3, 4, 5, 100, 8192}) {
            WorkerLimits limits = WorkerLimits.of(config.withBuffer(jobs, 1));
            assertTrue(
                    limits.maxPollRecords() >= 1
                            && limits.maxPollRecords() <= Math.max(1, jobs / 4),
                    jobs + " jobs");
            assertTrue(limits.resumeJobs() < jobs, jobs + " jobs");
        }
        assertEquals(3072, WorkerLimits.of(config).admissionStopChars());
    }

    @Test
    void whatExactlyOnceDependsOnCannotBeOverridden() {
        WorkerConfig stubborn =
                WorkerConfig.defaults(
                        "w1",
                        "gpu",
                        "cpu",
                        Map.of(
                                "enable.auto.commit",
                                true,
                                "isolation.level",
                                "read_uncommitted",
                                "acks",
                                "1",
                                "transactional.id",
                                "mine",
                                "group.id",
                                "mine",
                                "compression.type",
                                "zstd",
                                "sasl.mechanism",
                                "PLAIN"));
        KafkaWorkerClients clients = new KafkaWorkerClients(stubborn, WorkerLimits.of(stubborn));
        Map<String, Object> consumer = clients.consumerProperties();
        assertEquals(false, consumer.get("enable.auto.commit"));
        assertEquals("read_committed", consumer.get("isolation.level"));
        assertEquals("millrace-worker-gpu", consumer.get("group.id"));
        assertEquals("w1", consumer.get("group.instance.id"));
        Map<String, Object> producer = clients.producerProperties();
        assertEquals("all", producer.get("acks"));
        assertEquals("millrace-worker-gpu-w1", producer.get("transactional.id"));
        assertEquals(
                "zstd",
                producer.get("compression.type"),
                "the control: other properties pass through");
        assertEquals("PLAIN", producer.get("sasl.mechanism"));
    }

    @Test
    void theNewGroupProtocolGetsNoAssignor() {
        WorkerConfig next =
                WorkerConfig.defaults("w1", "gpu", "cpu", Map.of("group.protocol", "consumer"));
        String assignor = "partition.assignment.strategy";
        assertFalse(
                new KafkaWorkerClients(next, WorkerLimits.of(next))
                        .consumerProperties()
                        .containsKey(assignor));
        assertTrue(
                new KafkaWorkerClients(config, WorkerLimits.of(config))
                        .consumerProperties()
                        .containsKey(assignor),
                "the control");
    }

    @Test
    void onlyLegalMovesOfTheLifeCycle() {
        assertEquals(WorkerState.RUNNING, WorkerState.STARTING.moveTo(WorkerState.RUNNING));
        assertEquals(WorkerState.STOPPED, WorkerState.DRAINING.moveTo(WorkerState.STOPPED));
        assertThrows(
                IllegalStateException.class,
                () -> WorkerState.DRAINING.moveTo(WorkerState.RUNNING));
        assertThrows(
                IllegalStateException.class, () -> WorkerState.STOPPED.moveTo(WorkerState.RUNNING));
    }

    @Test
    void answeredJobsAreKnownBoundedAndApartFromDeadLetters() {
        AnsweredJobs answered = new AnsweredJobs(5000);
        for (int i = 0; i < 5000; i++) {
            answered.addJob(bytes("job-" + i));
            answered.addJob(bytes("job-" + i));
        }
        assertEquals(5000, answered.size());
        for (int i = 0; i < 5000; i++) {
            assertTrue(answered.hasJob(bytes("job-" + i)));
            assertFalse(answered.hasJob(bytes("other-" + i)));
        }
        assertFalse(answered.hasDeadLetter(bytes("job-1")));
        IllegalStateException e =
                assertThrows(
                        IllegalStateException.class,
                        () -> answered.addDeadLetter(bytes("one more")));
        assertTrue(e.getMessage().contains("maxRecoveredJobIds"), e.getMessage());
    }

    private static void assertMessage(String message, Runnable made) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, made::run).getMessage());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
