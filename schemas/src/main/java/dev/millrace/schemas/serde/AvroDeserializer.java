package dev.millrace.schemas.serde;

import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RegistryUnavailableException;
import dev.millrace.schemas.registry.SchemaRegistryClient;
import dev.millrace.schemas.registry.SchemaRegistryClients;
import dev.millrace.schemas.registry.UnreadableSchemaException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads the {@link WireFormat}: generic records by default, generated classes with {@code
 * specific.avro.reader=true} or when made for a class. The writer's schema comes from the registry by id (one
 * request each), the reader's from the class; Avro resolves one to the other. Configured like Confluent's
 * KafkaAvroDeserializer. Thread-safe once configured.
 *
 * <p>Stricter than Confluent's where that guards against nonsense: left-over bytes are an error, and a record
 * of another name than the class's (without namespace; aliases count) is not read as that class, as Avro's
 * specification demands. Settings that say how to write ({@code use.latest.version} ...) change nothing here:
 * the reader's schema is the class's own.
 *
 * @param <T> what is read; Kafka's null is null
 */
public final class AvroDeserializer<T> implements Deserializer<T> {
    private final Map<Integer, RecordReader> readers = new ConcurrentHashMap<>();
    private final Class<T> type;
    private SchemaRegistryClient registry;
    private boolean ownsRegistry;
    private AvroSerdeConfig config;

    /**
     * For {@code value.deserializer} and {@code key.deserializer}; opens the registry that the properties
     * name.
     */
    public AvroDeserializer() {
        this(null, null);
    }

    /** Always gives instances of this generated class, whatever {@code specific.avro.reader} says. */
    public AvroDeserializer(Class<T> type) {
        this(type, null);
    }

    /** The same with a registry that the caller opens and closes; either may be null. */
    public AvroDeserializer(Class<T> type, SchemaRegistryClient registry) {
        this.type = type;
        this.registry = registry;
    }

    @Override
    public void configure(Map<String, ?> properties, boolean isKey) {
        AvroSerdeConfig parsed = AvroSerdeConfig.parse(properties, isKey);
        if (registry == null) {
            registry = SchemaRegistryClients.open(properties);
            ownsRegistry = true;
        }
        this.config = parsed;
    }

    /**
     * {@inheritDoc}
     *
     * @throws WireFormatException          if these bytes can never be read: set them aside
     * @throws RegistryUnavailableException if no registry answered: try again later
     * @throws SerializationException       for anything else: settings or rights are wrong
     */
    @Override
    public T deserialize(String topic, byte[] bytes) {
        return bytes == null ? null : read(topic, bytes, 0, bytes.length);
    }

    /** As {@link #deserialize(String, byte[])}, without copying what lies in a heap buffer. */
    @Override
    public T deserialize(String topic, Headers headers, ByteBuffer bytes) {
        if (bytes == null) {
            return null;
        }
        if (bytes.hasArray()) {
            return read(topic, bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return read(topic, copy, 0, copy.length);
    }

    private T read(String topic, byte[] bytes, int start, int length) {
        if (config == null) {
            throw new IllegalStateException("configure() was not called");
        }
        int id = WireFormat.schemaId(topic, bytes, start, length);
        RecordReader reader = readers.get(id);
        if (reader == null) {
            reader = reader(topic, id);
            readers.put(id, reader);
        }
        @SuppressWarnings("unchecked") // The caller chose T to fit the settings, as with any deserializer.
        T value = (T) reader.read(topic, bytes, start + WireFormat.HEADER_BYTES, start + length);
        return value;
    }

    private RecordReader reader(String topic, int id) {
        Schema writer = writerSchema(topic, id);
        boolean specific = type != null || config.specificReader();
        if (!specific || type == null && config.specificType() == null
                && writer.getType() != Schema.Type.RECORD) {
            return RecordReader.generic(writer, config.logicalTypes());
        }
        Class<?> configured = type != null ? type : config.specificType();
        Class<?> target = configured != null ? configured : generatedClass(topic, writer);
        checkName(topic, writer, SpecificData.getForClass(target).getSchema(target));
        return RecordReader.specific(writer, target);
    }

    private Schema writerSchema(String topic, int id) {
        try {
            return registry.byId(id);
        } catch (RegistryUnavailableException e) {
            throw e;
        } catch (UnreadableSchemaException e) {
            throw new WireFormatException(topic, e.getMessage(), e);
        } catch (RegistryException e) {
            if (e.errorCode() == RegistryException.SCHEMA_NOT_FOUND) {
                throw new WireFormatException(topic, "the registry knows no schema with id " + id, e);
            }
            throw new RegistryException("topic " + topic + ": schema id " + id + ": " + e.getMessage(),
                    e.errorCode(), e);
        }
    }

    private static Class<?> generatedClass(String topic, Schema writer) {
        Class<?> named = SpecificData.get().getClass(writer);
        if (named == null || !SpecificRecord.class.isAssignableFrom(named)) {
            throw new SerializationException("topic " + topic + ": " + AvroSerdeConfig.SPECIFIC_READER
                    + "=true, but there is no generated class " + writer.getFullName()
                    + "; set specific.avro.value.type or specific.avro.key.type, or add the class");
        }
        return named;
    }

    private static void checkName(String topic, Schema writer, Schema reader) {
        if (writer.getType() == Schema.Type.RECORD && reader.getType() == Schema.Type.RECORD
                && !writer.getName().equals(reader.getName())
                && !reader.getAliases().contains(writer.getFullName())) {
            throw new WireFormatException(topic, "this is a " + writer.getFullName() + ", and "
                    + reader.getFullName() + " is wanted", null);
        }
    }

    @Override
    public void close() {
        if (ownsRegistry) {
            registry.close();
        }
    }
}
