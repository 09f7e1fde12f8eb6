package dev.millrace.schemas.serde;

import dev.millrace.schemas.registry.ClientProperties;
import java.time.Duration;
import java.util.Map;

/**
 * Settings of a serializer or deserializer, from Confluent's property names.
 *
 * @param autoRegister      auto.register.schemas: register a record's schema when it is first seen; else it
 *     must be there
 * @param useLatestVersion  use.latest.version: write with the subject's newest schema (auto.register.schemas
 *     must be false)
 * @param latestStrict      latest.compatibility.strict: that schema must be able to read what is written
 * @param latestTtl         latest.cache.ttl.sec: how long the newest is believed to be the newest; null for
 *     ever
 * @param useSchemaId       use.schema.id: write with the schema of this id; -1 for none
 * @param idStrict          id.compatibility.strict: as latestStrict, for useSchemaId
 * @param removeJavaProperties avro.remove.java.properties: leave avro.java.string out of what is registered
 * @param logicalTypes      avro.use.logical.type.converters: generic records hold Instant, BigDecimal ... for
 *     logical types
 * @param specificReader    specific.avro.reader: give instances of generated classes
 * @param specificType      specific.avro.value.type or .key.type: always this class; null for the one the
 *     writer names
 * @param strategy          key/value.subject.name.strategy
 */
record AvroSerdeConfig(
        boolean autoRegister, boolean useLatestVersion, boolean latestStrict, Duration latestTtl,
        int useSchemaId, boolean idStrict, boolean removeJavaProperties, boolean logicalTypes,
        boolean specificReader, Class<?> specificType, SubjectNameStrategy strategy) {

    static final String AUTO_REGISTER = "auto.register.schemas";
    static final String USE_LATEST = "use.latest.version";
    static final String USE_SCHEMA_ID = "use.schema.id";
    static final String SPECIFIC_READER = "specific.avro.reader";

    private static final String CONFLUENT = "io.confluent.kafka.serializers.";

    /**
     * Confluent's settings that this serde does not have, with the values that change nothing; any other
     * value is refused.
     */
    private static final Map<String, String> ONLY_DEFAULTS = Map.ofEntries(
            Map.entry("use.latest.with.metadata", ""),
            Map.entry("latest.cache.size", "1000"),
            Map.entry("schema.reflection", "false"),
            Map.entry("avro.reflection.allow.null", "false"),
            Map.entry("schema.format", ""),
            Map.entry("propagate.schema.tags", "false"),
            Map.entry("rule.executors", ""),
            Map.entry("rule.actions", ""),
            Map.entry("context.name.strategy", CONFLUENT + "context.NullContextNameStrategy"),
            Map.entry("reference.subject.name.strategy",
                    CONFLUENT + "subject.DefaultReferenceSubjectNameStrategy"),
            Map.entry("key.schema.id.serializer", CONFLUENT + "schema.id.PrefixSchemaIdSerializer"),
            Map.entry("value.schema.id.serializer", CONFLUENT + "schema.id.PrefixSchemaIdSerializer"),
            Map.entry("key.schema.id.deserializer", CONFLUENT + "schema.id.PrefixSchemaIdDeserializer"),
            Map.entry("value.schema.id.deserializer", CONFLUENT + "schema.id.PrefixSchemaIdDeserializer"));

    /** What a writer cannot have both; a reader may be given the same properties. */
    void checkForWriting() {
        if (autoRegister && (useLatestVersion || useSchemaId >= 0)) {
            throw new IllegalArgumentException((useLatestVersion ? USE_LATEST + "=true" : USE_SCHEMA_ID)
                    + " needs " + AUTO_REGISTER + "=false: a schema is either registered or taken as it is");
        }
        if (useLatestVersion && useSchemaId >= 0) {
            throw new IllegalArgumentException(USE_LATEST + " and " + USE_SCHEMA_ID + " exclude each other");
        }
    }

    /**
     * Reads the settings for keys or for values; {@link IllegalArgumentException} names a property that is
     * bad or unsupported.
     */
    static AvroSerdeConfig parse(Map<String, ?> properties, boolean isKey) {
        ClientProperties p = new ClientProperties(properties);
        ONLY_DEFAULTS.forEach((name, harmless) -> {
            String value = p.text(name);
            if (value != null && !value.equals(harmless)) {
                throw new IllegalArgumentException(name + "=" + value + " is not supported by this serde");
            }
        });
        String side = isKey ? "key" : "value";
        String strategy = p.text(side + ".subject.name.strategy");
        String type = p.text("specific.avro." + side + ".type");
        int ttlSeconds = p.number("latest.cache.ttl.sec", -1, -1);
        return new AvroSerdeConfig(p.flag(AUTO_REGISTER, true), p.flag(USE_LATEST, false),
                p.flag("latest.compatibility.strict", true),
                ttlSeconds < 0 ? null : Duration.ofSeconds(ttlSeconds), p.number(USE_SCHEMA_ID, -1, -1),
                p.flag("id.compatibility.strict", true),
                p.flag("avro.remove.java.properties", true),
                p.flag("avro.use.logical.type.converters", false),
                p.flag(SPECIFIC_READER, false),
                type == null ? null : load("specific.avro." + side + ".type", type),
                strategy == null ? SubjectNameStrategies.TOPIC_NAME : SubjectNameStrategies.of(strategy));
    }

    private static Class<?> load(String property, String name) {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        try {
            return Class.forName(name, true, loader == null ? AvroSerdeConfig.class.getClassLoader()
                    : loader);
        } catch (ClassNotFoundException e) {
            throw new IllegalArgumentException(property + "=" + name + ": there is no such class", e);
        }
    }
}
