package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

class IngestConfigTest {
    private final IngestConfig config =
            IngestConfig.defaults(
                    Path.of("state"), Map.of("bootstrap.servers", "h:1", "linger.ms", 50));

    @Test
    void wrongSettingsAreNamed() {
        for (var wrong :
                List.<Runnable>of(
                        () -> config.withDedupeRetention(Duration.ofSeconds(59)),
                        () -> config.withHotPrefixes(0, 8),
                        () -> config.withStreamThreads(0),
                        () -> config.withApplicationId(" "),
                        () -> config.withModels("no/slash", Map.of(), Set.of()))) {
            assertThrows(IllegalArgumentException.class, wrong::run);
        }
        String message =
                assertThrows(IllegalArgumentException.class, () -> config.withHotPrefixes(1, 0))
                        .getMessage();
        assertTrue(message.contains("hotPrefixSpread must be at least 1, not 0"), message);
    }

    @Test
    void modelsGoToTheirPoolsAndTheRestToTheDefault() {
        IngestConfig routed =
                config.withModels("cpu", Map.of("big", "h200", "huge", "h200"), Set.of());
        assertEquals("h200", routed.poolOf("big"));
        assertEquals("cpu", routed.poolOf("other"));
        assertEquals(Set.of("cpu", "h200"), routed.pools());
    }

    @Test
    void clientPropertiesPassThroughButCorrectnessStays() {
        IngestConfig custom =
                IngestConfig.defaults(
                        Path.of("state"),
                        Map.of(
                                "bootstrap.servers",
                                "h:1",
                                "security.protocol",
                                "SSL",
                                "processing.guarantee",
                                "at_least_once",
                                "commit.interval.ms",
                                500));
        Properties properties = IngestApp.streamsProperties(custom);
        assertEquals("SSL", properties.get("security.protocol"));
        assertEquals(500, properties.get("commit.interval.ms"));
        assertEquals("exactly_once_v2", properties.get("processing.guarantee"));
        assertEquals(-1, properties.get("replication.factor"));
    }
}
