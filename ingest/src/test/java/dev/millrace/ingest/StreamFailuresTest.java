package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RegistryUnavailableException;

import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

class StreamFailuresTest {
    private final AtomicLong nowMs = new AtomicLong(1_000_000);
    private final StreamFailures failures =
            new StreamFailures(() -> Instant.ofEpochMilli(nowMs.get()));

    @Test
    void whatMayPassIsTriedAgainAndTheRestStops() {
        assertEquals(
                StreamThreadExceptionResponse.REPLACE_THREAD,
                failures.handle(new StreamsException(new TimeoutException("no broker"))));
        assertNull(failures.fatal());
        assertTrue(
                StreamFailures.isRetriable(
                        new StreamsException(new RegistryUnavailableException("down", 0, null))));
        for (RuntimeException fatal :
                new RuntimeException[] {
                    new RegistryException("not allowed", 401),
                    new TopicAuthorizationException("no"),
                    new NullPointerException("defect")
                }) {
            assertEquals(
                    StreamThreadExceptionResponse.SHUTDOWN_CLIENT,
                    failures.handle(new StreamsException(fatal)));
            assertSame(fatal, failures.fatal().getCause());
        }
    }

    @Test
    void pausesGrowToTheirBoundAndStartAnewAfterACalm() {
        long[] expected = {500, 1000, 2000, 4000, 8000, 10_000, 10_000};
        for (long ms : expected) {
            assertEquals(ms, failures.nextPause().toMillis());
        }
        nowMs.addAndGet(61_000);
        assertEquals(500, failures.nextPause().toMillis());
    }

    @Test
    void aRegistryThatIsAwayIsNoReasonToSetRecordsAside(@TempDir Path stateDir) {
        Map<String, Object> properties =
                new HashMap<>(
                        Map.of(
                                "bootstrap.servers",
                                "none:1",
                                "schema.registry.url",
                                "http://127.0.0.1:1"));
        properties.put("max.retries", "0");
        try (IngestDriver driver =
                new IngestDriver(IngestConfig.defaults(stateDir, properties), IngestDriver.START)) {
            byte[] framed = {0, 0, 0, 0, 1, 2};
            RuntimeException error =
                    assertThrows(
                            RuntimeException.class,
                            () -> driver.raw(new byte[1], framed, new RecordHeaders()));
            assertTrue(StreamFailures.isRetriable(error), error::toString);
        }
    }
}
