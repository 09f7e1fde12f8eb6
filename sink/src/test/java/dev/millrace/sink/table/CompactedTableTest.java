package dev.millrace.sink.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.MockTopic;
import dev.millrace.sink.SinkFixtures;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.junit.jupiter.api.Test;

class CompactedTableTest {
    private final MockTopic topic = new MockTopic(Topics.BATCHES, 2);
    private final Serde<BatchProgress> serde = SinkFixtures.serde(BatchProgress.class);
    private final AtomicLong nowMs = new AtomicLong();

    @Test
    void newestValueOfEachKeyStands() {
        topic.add(0, "a", bytes("a", 1));
        topic.add(1, "b", bytes("b", 5));
        topic.add(0, "a", bytes("a", 2));
        topic.add(1, "b", null);
        try (CompactedTable<BatchProgress> table = open()) {
            table.readToEnd(Duration.ofSeconds(5));
            assertEquals(2, table.get("a").getTotal());
            assertNull(table.get("b"), "deleted by a tombstone");
            assertEquals(1, table.entries().size());
            topic.add(1, "c", bytes("c", 7));
            table.poll(Duration.ZERO);
            assertEquals(7, table.get("c").getTotal());
            assertEquals(0, table.unreadable());
        }
    }

    @Test
    void unreadableValueIsCountedAndTheOlderOneStays() {
        topic.add(0, "a", bytes("a", 1));
        topic.add(0, "a", new byte[] {7});
        topic.add(0, null, bytes("a", 1));
        try (CompactedTable<BatchProgress> table = open()) {
            table.readToEnd(Duration.ofSeconds(5));
            assertEquals(1, table.get("a").getTotal());
            assertEquals(2, table.unreadable());
        }
    }

    @Test
    void topicThatIsNotReadInTimeIsAnError() {
        topic.add(0, "a", bytes("a", 1));
        topic.endsAt(0, 10);
        try (CompactedTable<BatchProgress> table = open()) {
            topic.beforeEachPoll(() -> nowMs.addAndGet(1000));
            String message = assertThrows(
                    IllegalStateException.class, () -> table.readToEnd(Duration.ofSeconds(5))).getMessage();
            assertTrue(message.contains("batches") && message.contains("PT5S"), message);
        }
    }

    @Test
    void missingTopicIsNamed() {
        MockTopic none = new MockTopic("batches", 0);
        String message = assertThrows(IllegalStateException.class, () -> open(none)).getMessage();
        assertTrue(message.contains("topic batches does not exist"), message);
        assertTrue(none.consumer().closed());
    }

    @Test
    void noGroupIsJoinedWhateverThePropertiesSay() {
        Map<String, Object> properties = Map.of("bootstrap.servers", "127.0.0.1:9", "group.id", "g");
        try (var consumer = ReadOnlyConsumers.create(properties)) {
            assertThrows(RuntimeException.class, consumer::groupMetadata);
        }
    }

    private CompactedTable<BatchProgress> open() {
        return open(topic);
    }

    private CompactedTable<BatchProgress> open(MockTopic from) {
        return new CompactedTable<>(
                from.consumer(), Topics.BATCHES, serde.deserializer(),
                () -> Instant.ofEpochMilli(nowMs.get()));
    }

    private byte[] bytes(String batch, long total) {
        BatchProgress progress =
                SinkFixtures.progress(batch, BatchStatus.IN_PROGRESS).setTotal(total).build();
        return serde.serializer().serialize(Topics.BATCHES, progress);
    }
}
