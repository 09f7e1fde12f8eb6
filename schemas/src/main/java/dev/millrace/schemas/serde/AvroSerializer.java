package dev.millrace.schemas.serde;

import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.RegisteredSchema;
import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RegistryUnavailableException;
import dev.millrace.schemas.registry.SchemaRegistryClient;
import dev.millrace.schemas.registry.SchemaRegistryClients;
import dev.millrace.schemas.registry.SchemaText;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Writes Avro records, generated or generic, and text, numbers, booleans and bytes, in the {@link
 * WireFormat}. Configured like Confluent's KafkaAvroSerializer. Thread-safe once configured. One registry
 * request per schema and subject.
 *
 * @param <T> what is written; null is Kafka's null
 */
public final class AvroSerializer<T> implements Serializer<T> {
    private final Map<Target, Known> writers = new ConcurrentHashMap<>();
    private volatile Recent recent = new Recent(null, null);
    private SchemaRegistryClient registry;
    private boolean ownsRegistry;
    private AvroSerdeConfig config;
    private boolean isKey;

    /**
     * What decides the writer of a value. Schemas are compared by content, so a schema parsed anew finds the
     * same writer.
     */
    private record Target(String topic, Schema schema, boolean specific) {}

    /** A writer, good until {@code untilNanos} if it {@code expires}. */
    private record Known(RecordWriter writer, boolean expires, long untilNanos) {}

    /** The last writer used: most topics carry one type. */
    private record Recent(Target target, Known known) {}

    /**
     * For {@code value.serializer} and {@code key.serializer}; opens the registry that the properties name.
     */
    public AvroSerializer() {}

    /** With a registry that the caller opens and closes. */
    public AvroSerializer(SchemaRegistryClient registry) {
        this.registry = registry;
    }

    @Override
    public void configure(Map<String, ?> properties, boolean isKey) {
        AvroSerdeConfig parsed = AvroSerdeConfig.parse(properties, isKey);
        parsed.checkForWriting();
        if (registry == null) {
            registry = SchemaRegistryClients.open(properties);
            ownsRegistry = true;
        }
        this.isKey = isKey;
        this.config = parsed;
    }

    /**
     * {@inheritDoc}
     *
     * @throws RegistryUnavailableException if no registry answered: send the record again later
     * @throws RegistryException            if the registry refused the schema
     * @throws SerializationException       if the value does not fit its schema
     */
    @Override
    public byte[] serialize(String topic, T value) {
        if (value == null) {
            return null;
        }
        if (config == null) {
            throw new IllegalStateException("configure() was not called");
        }
        Schema schema = AvroValues.schemaOf(value);
        if (schema == null) {
            throw new SerializationException("topic " + topic + ": a "
                    + value.getClass().getName() + " is no Avro value: "
                    + "Avro records, String, Integer, Long, Float, Double, Boolean, byte[] and null are");
        }
        return writer(topic, schema, value).write(topic, value);
    }

    private RecordWriter writer(String topic, Schema schema, Object value) {
        boolean specific = value instanceof SpecificRecord;
        Recent last = recent;
        Target target = last.target;
        boolean same = target != null && target.schema == schema && target.specific == specific
                && target.topic.equals(topic);
        Known known = last.known;
        if (!same) {
            target = new Target(topic, schema, specific);
            known = writers.get(target);
        }
        if (known == null || known.expires && System.nanoTime() - known.untilNanos > 0) {
            known = resolve(topic, schema, value);
            writers.put(target, known);
            recent = new Recent(target, known);
        } else if (!same) {
            recent = new Recent(target, known);
        }
        return known.writer;
    }

    private Known resolve(String topic, Schema schema, Object value) {
        Schema published = config.removeJavaProperties() ? SchemaText.withoutJavaProperties(schema) : schema;
        String subject = config.strategy().subject(topic, isKey, published);
        var data = AvroValues.genericData(config.logicalTypes());
        if (config.useSchemaId() >= 0) {
            Schema target = registry.byId(config.useSchemaId());
            checkFits(published, target, config.idStrict(), "schema id " + config.useSchemaId());
            return new Known(new RecordWriter(config.useSchemaId(), schema, target, value, data), false, 0);
        }
        if (config.useLatestVersion()) {
            RegisteredSchema latest = registry.latest(subject);
            checkFits(published, latest.schema(), config.latestStrict(),
                    "version " + latest.version() + " of subject " + subject);
            boolean expires = config.latestTtl() != null;
            long until = expires ? System.nanoTime() + config.latestTtl().toNanos() : 0;
            return new Known(new RecordWriter(latest.id(), schema, latest.schema(), value, data), expires,
                    until);
        }
        return new Known(new RecordWriter(id(topic, subject, published), schema, schema, value, data), false,
                0);
    }

    private int id(String topic, String subject, Schema schema) {
        try {
            return config.autoRegister() ? registry.register(subject, schema)
                    : registry.lookup(subject, schema);
        } catch (RegistryUnavailableException e) {
            throw e;
        } catch (RegistryException e) {
            String hint = config.autoRegister() ? ""
                    : "; register it, or set " + AvroSerdeConfig.AUTO_REGISTER + "=true";
            throw new RegistryException("topic " + topic + ": schema " + schema.getFullName()
                    + " under subject " + subject + ": "
                    + e.getMessage() + hint, e.errorCode(), e);
        }
    }

    private static void checkFits(Schema schema, Schema target, boolean strict, String what) {
        List<String> objections = strict
                ? CompatibilityLevel.BACKWARD.objections(target, List.of(schema)) : List.of();
        if (!objections.isEmpty()) {
            throw new SerializationException(what + " cannot read values of schema " + schema.getFullName()
                    + ": " + objections);
        }
    }

    @Override
    public void close() {
        if (ownsRegistry) {
            registry.close();
        }
    }
}
