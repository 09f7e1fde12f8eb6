package dev.millrace.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.registry.RegistryUnavailableException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class SinkConfigTest {
    private static final Map<String, Object> CLIENT =
            Map.of("bootstrap.servers", "127.0.0.1:9", "schema.registry.url", "mock://config",
            "security.protocol", "SSL");

    @Test
    void clientPropertiesPassThroughAndOursWin() {
        SinkConfig config = SinkConfig.defaults(Path.of("state"), CLIENT).withThreads(3)
                .withApplicationId("other");
        Properties properties = SinkApp.properties(config);
        assertEquals("SSL", properties.get("security.protocol"));
        assertEquals("mock://config", properties.get("schema.registry.url"));
        assertEquals("exactly_once_v2", properties.get("processing.guarantee"));
        assertEquals("other", properties.get("application.id"));
        assertEquals(3, properties.get("num.stream.threads"));
        new StreamsConfig(properties);
    }

    @Test
    void badSettingsAreNamed() {
        assertTrue(message(() -> SinkConfig.defaults(Path.of("s"), CLIENT).withThreads(0))
                .contains("threads must be at least 1, not 0"));
        assertTrue(message(() -> SinkConfig.defaults(Path.of("s"), CLIENT).withApplicationId("a b"))
                .contains("applicationId"));
        assertTrue(message(() -> SinkConfig.defaults(Path.of("s"), Map.of("bootstrap.servers", "h:1")))
                .contains("schema.registry.url"));
    }

    @Test
    void onlyWhatPassesByItselfIsTriedAgain() {
        assertTrue(SinkApp.mayPass(new StreamsException(new RegistryUnavailableException("down", 0, null))));
        assertTrue(SinkApp.mayPass(new StreamsException(new TimeoutException("slow"))));
        assertFalse(SinkApp.mayPass(new StreamsException(new IllegalStateException("a bug"))));
    }

    private static String message(Executable bad) {
        return assertThrows(IllegalArgumentException.class, bad).getMessage();
    }
}
