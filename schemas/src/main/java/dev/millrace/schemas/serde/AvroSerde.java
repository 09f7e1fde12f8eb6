package dev.millrace.schemas.serde;

import dev.millrace.schemas.registry.SchemaRegistryClient;
import java.util.Map;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/**
 * {@link AvroSerializer} and {@link AvroDeserializer} together, for Kafka Streams; {@code
 * default.value.serde} may name it.
 *
 * @param <T> the values
 */
public final class AvroSerde<T> implements Serde<T> {
    private final AvroSerializer<T> serializer;
    private final AvroDeserializer<T> deserializer;

    /** What {@code specific.avro.reader} says. */
    public AvroSerde() {
        this(null, null);
    }

    /** Reads instances of this generated class. */
    public AvroSerde(Class<T> type) {
        this(type, null);
    }

    /** The same with a registry that the caller opens and closes; either may be null. */
    public AvroSerde(Class<T> type, SchemaRegistryClient registry) {
        serializer = registry == null ? new AvroSerializer<>() : new AvroSerializer<>(registry);
        deserializer = new AvroDeserializer<>(type, registry);
    }

    /**
     * A serde for values of a generated class, configured with client properties ({@code schema.registry.url}
     * at least).
     */
    public static <T> AvroSerde<T> forValues(Class<T> type, Map<String, ?> properties) {
        AvroSerde<T> serde = new AvroSerde<>(type);
        serde.configure(properties, false);
        return serde;
    }

    @Override
    public void configure(Map<String, ?> properties, boolean isKey) {
        serializer.configure(properties, isKey);
        deserializer.configure(properties, isKey);
    }

    @Override
    public Serializer<T> serializer() {
        return serializer;
    }

    @Override
    public Deserializer<T> deserializer() {
        return deserializer;
    }

    @Override
    public void close() {
        serializer.close();
        deserializer.close();
    }
}
