package dev.millrace.it.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.RegistryClientConfig;
import dev.millrace.schemas.registry.RestSchemaRegistryClient;
import dev.millrace.schemas.registry.SchemaText;
import dev.millrace.schemas.serde.AvroSerde;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.specific.SpecificRecord;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.avro.AvroSchema;
import org.apache.flink.avro.registry.confluent.shaded
        .io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded
        .io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.formats.avro.registry.confluent.ConfluentRegistryAvroDeserializationSchema;
import org.apache.flink.formats.avro.registry.confluent.ConfluentRegistryAvroSerializationSchema;
import org.junit.jupiter.api.Test;

/**
 * Our serde and client beside those of Flink, which carries the real Confluent registry client (relocated in
 * its jar), both at one registry: the same ids, the same bytes, each reads the other's. Flink brings an Avro
 * of its own, too.
 */
abstract class ForeignClients {
    private static final Instant AT = Instant.ofEpochMilli(1_700_000_000_123L);
    private static final int CACHED_SCHEMAS = 100;

    /** Base URL of the registry. */
    abstract String url();

    private static PromptJob job() {
        List<ChatMessage> messages = List.of(
                ChatMessage.newBuilder().setRole("system").setContent("Answer in one word. é€😀").build(),
                ChatMessage.newBuilder().setRole("user").setContent("Sea?").setExtra("{\"name\":\"kim\"}")
                .build());
        SamplingParams sampling = SamplingParams.newBuilder().setMaxTokens(16).setTemperature(0.7)
                .setLogitBias(Map.of("17", -3.5))
                .setStop(List.of("\n\n", "END")).setSeed(Long.MIN_VALUE).build();
        return PromptJob.newBuilder().setJobId("j1").setCustomId("c1").setModel("demo").setMessages(messages)
                .setSampling(sampling)
                .setMetadata(Map.of("k", "v")).setDeadline(AT.plusSeconds(60)).setCreatedAt(AT)
                .setPrefixFingerprint(-1L).build();
    }

    private static DeadLetter letter() {
        return DeadLetter.newBuilder().setSourceTopic("prompts").setSourcePartition(2)
                .setSourceOffset(1L << 40)
                .setValue(ByteBuffer.wrap(new byte[] {0, 1, -1}))
                .setHeaders(Map.of("h", ByteBuffer.wrap(new byte[] {9})))
                .setError(ErrorInfo.newBuilder().setCode("unreadable").setMessage("no magic byte").build())
                .setFailedBy("ingest").setFailedAt(AT).build();
    }

    @Test
    void eachReadsTheOthersRecords() throws Exception {
        exchange("foreign-prompts", job(), PromptJob.class);
        exchange("foreign-dead-letters", letter(), DeadLetter.class);
    }

    private <T extends SpecificRecord> void exchange(String topic, T record, Class<T> type) throws Exception {
        String schema = SchemaText.withoutJavaProperties(record.getSchema()).toString();
        var flinkSchema = new org.apache.flink.avro.shaded.org.apache.avro.Schema.Parser().parse(schema);
        try (AvroSerde<T> ours = AvroSerde.forValues(type, Map.of("schema.registry.url", url()));
                AvroSerde<Object> generic = new AvroSerde<>()) {
            byte[] bytes = ours.serializer().serialize(topic, record);
            var flinkReads = ConfluentRegistryAvroDeserializationSchema.forGeneric(flinkSchema, url())
                    .deserialize(bytes);
            generic.configure(Map.of("schema.registry.url", url()), false);
            assertEquals(generic.deserializer().deserialize(topic, bytes).toString(), flinkReads.toString());

            byte[] flinkWrites = ConfluentRegistryAvroSerializationSchema.forGeneric(topic + "-value",
                    flinkSchema, url()).serialize(flinkReads);
            assertArrayEquals(bytes, flinkWrites, "the same id and the same bytes");
            assertEquals(record, ours.deserializer().deserialize(topic, flinkWrites));
        }
    }

    @Test
    void ourReaderResolvesWhatAnOlderForeignWriterWrote() throws Exception {
        String older = """
                {"type":"record","name":"ErrorInfo","namespace":"dev.millrace.schemas","fields":[
                 {"name":"severity","type":"int"},{"name":"code","type":"string"},
                 {"name":"message","type":"string"}]}""";
        var schema = new org.apache.flink.avro.shaded.org.apache.avro.Schema.Parser().parse(older);
        var record = new org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData.Record(schema);
        record.put("severity", 3);
        record.put("code", "c");
        record.put("message", "m");
        byte[] bytes = ConfluentRegistryAvroSerializationSchema.forGeneric("older-value", schema, url())
                .serialize(record);
        try (AvroSerde<ErrorInfo> ours = AvroSerde.forValues(ErrorInfo.class,
                Map.of("schema.registry.url", url()))) {
            assertEquals(ErrorInfo.newBuilder().setCode("c").setMessage("m").build(),
                    ours.deserializer().deserialize("older", bytes));
        }
    }

    @Test
    void confluentsClientAndOursSeeTheSameRegistry() throws Exception {
        Schema one = SchemaBuilder.record("Seen").namespace("foreign").fields().requiredInt("a").endRecord();
        Schema two = SchemaBuilder.record("Seen").namespace("foreign").fields().requiredInt("a")
                .optionalString("b").endRecord();
        Schema bad = SchemaBuilder.record("Seen").namespace("foreign").fields().requiredInt("a")
                .requiredString("c").endRecord();
        String subject = "seen-value";
        var confluent = new CachedSchemaRegistryClient(url(), CACHED_SCHEMAS);
        try (var ours = new RestSchemaRegistryClient(RegistryClientConfig.of(url()))) {
            int first = confluent.register(subject, new AvroSchema(one.toString()));
            assertEquals(first, ours.register(subject, one));
            assertEquals(first, ours.lookup(subject, one));
            int second = ours.register(subject, two);
            assertEquals(second, confluent.getId(subject, new AvroSchema(two.toString())));
            assertEquals(two.toString(), confluent.getSchemaById(second).canonicalString());
            assertEquals(second, confluent.getLatestSchemaMetadata(subject).getId());
            assertEquals(second, ours.latest(subject).id());
            assertEquals(one, ours.version(subject, 1).schema());
            assertEquals(confluent.getAllVersions(subject), ours.versions(subject));
            assertTrue(ours.subjects().containsAll(List.of(subject)) && confluent.getAllSubjects()
                    .contains(subject));
            assertFalse(confluent.testCompatibility(subject, new AvroSchema(bad.toString())));
            assertFalse(ours.compatible(subject, bad));
            assertTrue(ours.compatible(subject, one)
                    && confluent.testCompatibility(subject, new AvroSchema(one.toString())));
            assertEquals(409, failure(() -> confluent.register(subject, new AvroSchema(bad.toString())))
                    .getErrorCode());
            assertEquals(40403, failure(() -> confluent.getSchemaById(987_654)).getErrorCode());
            assertEquals(40401, failure(() -> confluent.getAllVersions("no-such-subject")).getErrorCode());
            assertEquals("FULL", confluent.updateCompatibility(subject, "FULL"));
            assertEquals(CompatibilityLevel.FULL, ours.compatibilityLevel(subject));
            ours.setCompatibilityLevel(subject, CompatibilityLevel.BACKWARD_TRANSITIVE);
            assertEquals("BACKWARD_TRANSITIVE", confluent.getCompatibility(subject));
            assertEquals("READWRITE", confluent.getMode());
            assertEquals(List.of(1, 2), confluent.deleteSubject(subject));
            assertFalse(ours.subjects().contains(subject));
        }
    }

    private interface Call {
        void run() throws IOException, RestClientException;
    }

    private static RestClientException failure(Call call) {
        return assertThrows(RestClientException.class, call::run);
    }
}
