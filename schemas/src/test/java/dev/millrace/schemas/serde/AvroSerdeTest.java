package dev.millrace.schemas.serde;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.TestRecords;
import dev.millrace.schemas.registry.InMemorySchemaRegistryClient;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Values to bytes and back, in this JVM. The same bytes against foreign clients: see the module {@code it}.
 */
class AvroSerdeTest {
    private static final Schema POINT = SchemaBuilder.record("Point").namespace("geo").fields()
            .requiredInt("x").requiredString("label").endRecord();
    private static final Schema INSTANT = new Schema.Parser().parse("""
            {"type":"record","name":"Tick","fields":[
             {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}""");

    private final InMemorySchemaRegistryClient registry = new InMemorySchemaRegistryClient();

    private <T> AvroSerializer<T> serializer(Map<String, ?> properties) {
        AvroSerializer<T> serializer = new AvroSerializer<>(registry);
        serializer.configure(properties, false);
        return serializer;
    }

    private <T> AvroDeserializer<T> deserializer(Class<T> type, Map<String, ?> properties) {
        AvroDeserializer<T> deserializer = new AvroDeserializer<>(type, registry);
        deserializer.configure(properties, false);
        return deserializer;
    }

    private static GenericRecord point(int x, String label) {
        return new GenericRecordBuilder(POINT).set("x", x).set("label", label).build();
    }

    @Test
    void generatedRecordsComeBackEqual() {
        PromptJob job = TestRecords.promptJob("j1");
        byte[] bytes = serializer(Map.of()).serialize("prompts", job);
        assertEquals(job, deserializer(PromptJob.class, Map.of()).deserialize("prompts", bytes));
        DeadLetter letter = TestRecords.deadLetter();
        bytes = serializer(Map.of()).serialize("dead-letters", letter);
        assertEquals(letter, deserializer(DeadLetter.class, Map.of()).deserialize("dead-letters", bytes));
    }

    @Test
    void bytesOnTheWireAreExactlyTheDocumentedOnes() {
        registry.register("other", Schema.create(Schema.Type.LONG));
        byte[] bytes = serializer(Map.of()).serialize("points", point(-2, "né"));
        // magic, id 2, zigzag(-2) = 3, length 3 zigzag = 6, then UTF-8
        assertEquals("00" + "00000002" + "03" + "06" + "6ec3a9", HexFormat.of().formatHex(bytes));
        GenericRecord back = (GenericRecord) deserializer(null, Map.of()).deserialize("points", bytes);
        assertEquals(point(-2, "né"), back);
    }

    @Test
    void readsFromAHeapBufferWithAnOffsetAndFromADirectOne() {
        byte[] bytes = serializer(Map.of()).serialize("points", point(7, "a"));
        byte[] padded = new byte[bytes.length + 9];
        System.arraycopy(bytes, 0, padded, 4, bytes.length);
        ByteBuffer heap = ByteBuffer.wrap(padded, 4, bytes.length).slice();
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        AvroDeserializer<Object> reader = deserializer(null, Map.of());
        assertEquals(point(7, "a"), reader.deserialize("points", new RecordHeaders(), heap));
        assertEquals(point(7, "a"), reader.deserialize("points", new RecordHeaders(), direct));
        assertNull(reader.deserialize("points", new RecordHeaders(), (ByteBuffer) null));
    }

    @Test
    void singleValuesAndNull() {
        AvroSerializer<Object> writer =
                serializer(Map.of("value.subject.name.strategy", ByType.class.getName()));
        AvroDeserializer<Object> reader = deserializer(null, Map.of());
        for (Object value : List.of("héllo", 42, -1L << 40, 1.5f, Math.PI, true)) {
            assertEquals(value, reader.deserialize("t", writer.serialize("t", value)));
        }
        byte[] raw = {5, 0, -7};
        byte[] framed = writer.serialize("t", raw);
        assertEquals(WireFormat.HEADER_BYTES + 3, framed.length,
                "bytes go without a length, as Confluent's do");
        assertArrayEquals(raw, (byte[]) reader.deserialize("t", framed));
        assertArrayEquals(raw, (byte[]) reader.deserialize("t", writer.serialize("t", ByteBuffer.wrap(raw))));
        assertNull(writer.serialize("t", null));
        assertNull(reader.deserialize("t", (byte[]) null));
        SerializationException e = assertThrows(SerializationException.class,
                () -> writer.serialize("t", List.of(1)));
        assertTrue(e.getMessage().contains("is no Avro value"), e.getMessage());
    }

    /** A strategy of a user's own, found by its class name. */
    public static final class ByType implements SubjectNameStrategy {
        @Override
        public String subject(String topic, boolean isKey, Schema schema) {
            return topic + "." + schema.getType();
        }
    }

    @Test
    void anOlderWritersRecordIsReadWithDefaults() {
        Schema old = new Schema.Parser().parse("""
                {"type":"record","name":"PromptJob","namespace":"dev.millrace.schemas","fields":[
                 {"name":"jobId","type":"string"},{"name":"customId","type":"string"},
                 {"name":"model","type":"string"},{"name":"gone","type":"double"},
                 {"name":"createdAt","type":{"type":"long","logicalType":"timestamp-millis"}},
                 {"name":"sampling","type":{"type":"record","name":"SamplingParams","fields":[
                  {"name":"maxTokens","type":["null","int"]}]}}]}""");
        GenericRecord sampling = new GenericRecordBuilder(old.getField("sampling").schema())
                .set("maxTokens", 5).build();
        GenericRecord written = new GenericRecordBuilder(old).set("jobId", "j").set("customId", "c")
                .set("model", "m")
                .set("gone", 1.5).set("createdAt", 1000L).set("sampling", sampling).build();
        byte[] bytes = serializer(Map.of()).serialize("prompts", written);
        PromptJob read = deserializer(PromptJob.class, Map.of()).deserialize("prompts", bytes);
        assertEquals("j", read.getJobId());
        assertEquals(5, read.getSampling().getMaxTokens());
        assertEquals("default", read.getTenant());
        assertEquals(Instant.ofEpochMilli(1000), read.getCreatedAt());
        assertEquals(List.of(), read.getMessages());
    }

    @Test
    void theSpecificReaderFindsTheClassOrSaysWhichIsMissing() {
        Map<String, Object> specific = Map.of("specific.avro.reader", "true");
        PromptJob job = TestRecords.promptJob("j2");
        byte[] bytes = serializer(Map.of()).serialize("prompts", job);
        assertEquals(job, deserializer(null, specific).deserialize("prompts", bytes));
        assertInstanceOf(GenericRecord.class, deserializer(null, Map.of()).deserialize("prompts", bytes));
        byte[] foreign = serializer(Map.of()).serialize("points", point(1, "a"));
        var e = assertThrows(SerializationException.class,
                () -> deserializer(null, specific).deserialize("points", foreign));
        assertTrue(e.getMessage().contains("geo.Point"), e.getMessage());
        assertFalse(WireFormatException.isCauseOf(e),
                "a missing class is the reader's fault, not the record's");
        Map<String, Object> typed = Map.of("specific.avro.reader", true, "specific.avro.value.type",
                PromptJob.class);
        assertEquals(job, deserializer(null, typed).deserialize("prompts", bytes));
    }

    @Test
    void whatIsRegisteredNamesNoJavaTypesUnlessAskedTo() {
        serializer(Map.of()).serialize("prompts", TestRecords.promptJob("j"));
        assertFalse(registry.latest("prompts-value").schema().toString().contains("avro.java.string"));
        serializer(Map.of("avro.remove.java.properties", "false"))
                .serialize("with", TestRecords.promptJob("j"));
        assertTrue(registry.latest("with-value").schema().toString().contains("avro.java.string"),
                "positive control");
    }

    @Test
    void logicalTypesOfGenericRecordsOnRequest() {
        Map<String, String> logical = Map.of("avro.use.logical.type.converters", "true");
        GenericRecord tick = new GenericRecordBuilder(INSTANT).set("at", Instant.ofEpochMilli(77)).build();
        byte[] bytes = serializer(logical).serialize("ticks", tick);
        assertEquals(Instant.ofEpochMilli(77),
                ((GenericRecord) deserializer(null, logical).deserialize("ticks", bytes)).get("at"));
        assertEquals(77L, ((GenericRecord) deserializer(null, Map.of()).deserialize("ticks", bytes))
                .get("at"));
    }

    @Test
    void subjectsFollowTheStrategy() {
        Map<String, String> expected = Map.of(
                "io.confluent.kafka.serializers.subject.TopicNameStrategy", "t-value",
                "io.confluent.kafka.serializers.subject.RecordNameStrategy", "geo.Point",
                "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy", "t-geo.Point",
                "TOPIC_RECORD_NAME", "t-geo.Point", ByType.class.getName(), "t.RECORD");
        expected.forEach((strategy, subject) -> {
            var fresh = new InMemorySchemaRegistryClient();
            var writer = new AvroSerializer<GenericRecord>(fresh);
            writer.configure(
                    Map.of("value.subject.name.strategy", strategy, "key.subject.name.strategy",
                    "nonsense.not.read.for.values"), false);
            writer.serialize("t", point(1, "a"));
            assertEquals(List.of(subject), fresh.subjects(), strategy);
        });
        var keys = new AvroSerializer<String>(registry);
        keys.configure(Map.of(), true);
        keys.serialize("t", "k");
        assertEquals(List.of("t-key"), registry.subjects());
        var named = this.<Object>serializer(Map.of("value.subject.name.strategy", "RecordNameStrategy"));
        assertThrows(SerializationException.class, () -> named.serialize("t", "text has no record name"));
    }

    @Test
    void theNewestVersionCanBeWrittenInsteadOfTheRecordsOwn() {
        // Another order and a further field: by position, Avro would write nonsense.
        Schema newer = SchemaBuilder.record("Point").namespace("geo").fields()
                .requiredString("label").requiredInt("x").name("z").type().intType().intDefault(9)
                .endRecord();
        registry.register("points-value", POINT);
        int id = registry.register("points-value", newer);
        var writer = this.<GenericRecord>serializer(
                Map.of("auto.register.schemas", "false", "use.latest.version", "true"));
        byte[] bytes = writer.serialize("points", point(4, "d"));
        assertEquals(id, bytes[4]);
        GenericRecord back = (GenericRecord) deserializer(null, Map.of()).deserialize("points", bytes);
        assertEquals("d/4/9", back.get("label") + "/" + back.get("x") + "/" + back.get("z"));
        var byId = this.<GenericRecord>serializer(
                Map.of("auto.register.schemas", "false", "use.schema.id", Integer.toString(id)));
        assertArrayEquals(bytes, byId.serialize("points", point(4, "d")));
    }

    @Test
    void aRecordThatTheNewestVersionCannotReadIsRefused() {
        registry.register("points-value", SchemaBuilder.record("Point").namespace("geo").fields()
                .requiredInt("y").endRecord());
        var writer = this.<GenericRecord>serializer(
                Map.of("auto.register.schemas", "false", "use.latest.version", "true"));
        var e = assertThrows(SerializationException.class, () -> writer.serialize("points", point(1, "a")));
        assertTrue(e.getMessage().contains("version 1 of subject points-value")
                && e.getMessage().contains("y"), e.getMessage());
    }

    @Test
    void withoutAutoRegisterTheSchemaMustBeThere() {
        var writer = this.<GenericRecord>serializer(Map.of("auto.register.schemas", "false"));
        var e = assertThrows(SerializationException.class, () -> writer.serialize("points", point(1, "a")));
        assertTrue(e.getMessage().contains("auto.register.schemas"), e.getMessage());
        registry.register("points-value", POINT);
        assertEquals(1, writer.serialize("points", point(1, "a"))[4]);
    }

    @Test
    void aValueThatDoesNotFitIsNamedWithoutItsContentAndTheNextOneIsClean() {
        Schema union = SchemaBuilder.record("Holder").fields()
                .name("v").type().unionOf().nullType().and().intType().endUnion().noDefault().endRecord();
        var record = new org.apache.avro.generic.GenericData.Record(union);
        record.put("v", "a secret prompt");
        var writer = this.<GenericRecord>serializer(Map.of());
        var e = assertThrows(SerializationException.class, () -> writer.serialize("t", record));
        assertTrue(e.getMessage().contains("Holder"), e.getMessage());
        for (Throwable t = e; t != null; t = t.getCause()) {
            assertFalse(String.valueOf(t.getMessage()).contains("secret"), t.getMessage());
        }
        record.put("v", 1);
        assertEquals("00" + "00000001" + "02" + "02",
                HexFormat.of().formatHex(writer.serialize("t", record)));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "use.latest.with.metadata=a=b", "schema.reflection=true", "avro.reflection.allow.null=true",
                "rule.executors=x",
        "context.name.strategy=com.acme.Mine",
        "value.schema.id.serializer=io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer",
        "latest.cache.size=5", "auto.register.schemas=yes", "use.schema.id=x",
        "specific.avro.value.type=no.such.Type",
        "value.subject.name.strategy=no.such.Strategy", "value.subject.name.strategy=java.lang.String",
        "use.latest.version=true"})
    void whatIsNotSupportedIsRefusedByName(String setting) {
        String[] pair = setting.split("=", 2);
        var e = assertThrows(IllegalArgumentException.class, () -> serializer(Map.of(pair[0], pair[1])));
        assertTrue(e.getMessage().contains(pair[0]) || e.getMessage().contains(pair[1]), e.getMessage());
    }

    @Test
    void propertiesOfOtherClientsPass() {
        Map<String, Object> properties = new HashMap<>(
                Map.of("bootstrap.servers", "x:1", "acks", "all", "avro.reflection.allow.null", "false",
                "schema.registry.url", "mock://pass", "compression.type", "zstd", "ssl.truststore.location",
                "/kafka/own.jks"));
        try (AvroSerde<Completion> serde = AvroSerde.forValues(Completion.class, properties)) {
            assertThrows(WireFormatException.class,
                    () -> serde.deserializer().deserialize("t", new byte[] {1}));
        }
    }
}
