package dev.millrace.sink.table;

import dev.millrace.schemas.serde.AvroDeserializer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;

/** Consumers that look at topics without a group: nothing is committed, only committed records are seen. */
public final class ReadOnlyConsumers {
    private ReadOnlyConsumers() {}

    /** A consumer of raw bytes from the beginning. */
    public static Consumer<byte[], byte[]> create(Map<String, Object> clientProperties) {
        return new KafkaConsumer<>(
                properties(clientProperties), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** What such a consumer is made of; the caller may add to it. */
    public static Map<String, Object> properties(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
        properties.remove(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
        properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return properties;
    }

    /** Reads record values as instances of a generated class. The caller closes it. */
    public static <T> Deserializer<T> valuesOf(Class<T> type, Map<String, Object> clientProperties) {
        AvroDeserializer<T> values = new AvroDeserializer<>(type);
        values.configure(clientProperties, false);
        return values;
    }

    /**
     * Every partition of a topic.
     *
     * @throws IllegalStateException when there is no such topic
     */
    public static List<TopicPartition> partitions(Consumer<?, ?> consumer, String topic) {
        List<PartitionInfo> infos = consumer.partitionsFor(topic);
        if (infos == null || infos.isEmpty()) {
            throw new IllegalStateException("topic " + topic + " does not exist; 'topics create' makes it");
        }
        return infos.stream().map(info -> new TopicPartition(topic, info.partition())).toList();
    }
}
