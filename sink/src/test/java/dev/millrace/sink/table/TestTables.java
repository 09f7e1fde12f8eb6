package dev.millrace.sink.table;

import dev.millrace.sink.MockTopic;
import java.time.InstantSource;
import org.apache.kafka.common.serialization.Deserializer;

/** Tables over a mock topic, for tests of other packages. */
public final class TestTables {
    private TestTables() {}

    public static <T> CompactedTable<T> over(
            MockTopic from, String topic, Deserializer<T> values, InstantSource clock) {
        return new CompactedTable<>(from.newConsumer(), topic, values, clock);
    }
}
