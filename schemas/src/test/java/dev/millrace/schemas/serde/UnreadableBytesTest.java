package dev.millrace.schemas.serde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.TestRecords;
import dev.millrace.schemas.registry.InMemorySchemaRegistryClient;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Bytes that are no record end as a {@link WireFormatException}, whatever they are, and never as anything
 * worse.
 */
class UnreadableBytesTest {
    private final InMemorySchemaRegistryClient registry = new InMemorySchemaRegistryClient();
    private final AvroSerializer<Object> writer = new AvroSerializer<>(registry);
    private final AvroDeserializer<PromptJob> reader = new AvroDeserializer<>(PromptJob.class, registry);
    private byte[] good;

    @BeforeEach
    void writeOneRecord() {
        writer.configure(Map.of(), false);
        reader.configure(Map.of(), false);
        good = writer.serialize("prompts", TestRecords.promptJob("j"));
        assertEquals("j", reader.deserialize("prompts", good).getJobId(), "positive control");
    }

    private String refusal(byte[] bytes) {
        String message = assertThrows(WireFormatException.class, () -> reader.deserialize("prompts", bytes))
                .getMessage();
        assertTrue(message.startsWith("topic prompts: "), message);
        return message;
    }

    @Test
    void theReasonIsNamed() {
        assertTrue(refusal(new byte[0]).contains("0 bytes are too few"));
        assertTrue(refusal(new byte[4]).contains("4 bytes are too few"));
        assertTrue(refusal("{\"json\":1}".getBytes()).contains("not the magic byte"));
        byte[] unknownId = good.clone();
        unknownId[1] = 0x7f;
        assertTrue(refusal(unknownId).contains("no schema with id " + (0x7f000000 + 1)));
        assertTrue(refusal(Arrays.copyOf(good, good.length + 2)).contains("2 bytes are left over"));
        byte[] other = writer.serialize("dead-letters", TestRecords.deadLetter());
        assertTrue(refusal(other).contains("this is a dev.millrace.schemas.DeadLetter"));
    }

    @Test
    void anIncompatibleWriterIsNamed() {
        Schema other = SchemaBuilder.record("PromptJob").namespace("elsewhere").fields().requiredInt("jobId")
                .endRecord();
        GenericRecord record = new GenericData.Record(other);
        record.put("jobId", 3);
        assertTrue(refusal(writer.serialize("elsewhere", record)).contains("elsewhere.PromptJob"));
    }

    @Test
    void everyTruncationIsRefused() {
        for (int length = 0; length < good.length; length++) {
            refusal(Arrays.copyOf(good, length));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void flippedBytesNeverEscapeAsAnythingElse(long seed) {
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = good.clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                bytes[5 + random.nextInt(bytes.length - 5)] = (byte) random.nextInt(256);
            }
            try {
                reader.deserialize("prompts", bytes);
            } catch (WireFormatException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                fail("seed " + seed + ", round " + round, e);
            }
        }
        assertTrue(refused > 1000, "seed " + seed + ": only " + refused + " were refused");
    }

    @Test
    void aHugeLengthIsRefusedBeforeAnythingIsAllocated() {
        Schema schema = SchemaBuilder.record("Big").fields().name("a").type().array().items().stringType()
                .noDefault().endRecord();
        registry.register("big", schema);
        int id = registry.lookup("big", schema);
        AvroDeserializer<Object> generic = new AvroDeserializer<>(null, registry);
        generic.configure(Map.of(), false);
        // 2^31 - 2 items, then a string of as many bytes
        byte[] items = {0, 0, 0, 0, (byte) id, (byte) 0xfc, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x0f};
        byte[] text = {0, 0, 0, 0, (byte) id, 2, (byte) 0xfc, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x0f};
        assertThrows(WireFormatException.class, () -> generic.deserialize("t", items));
        assertThrows(WireFormatException.class, () -> generic.deserialize("t", text));
    }

    @Test
    void aRecursiveRecordNestedBeyondTheStackIsRefused() {
        Schema list = new Schema.Parser().parse("""
                {"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]}]}""");
        int id = registry.register("list", list);
        AvroDeserializer<Object> generic = new AvroDeserializer<>(null, registry);
        generic.configure(Map.of(), false);
        byte[] deep = new byte[5_000_000];
        Arrays.fill(deep, 5, deep.length - 1, (byte) 2);
        deep[4] = (byte) id;
        assertThrows(WireFormatException.class, () -> generic.deserialize("t", deep));
        byte[] shallow = {0, 0, 0, 0, (byte) id, 2, 2, 0};
        assertEquals("{\"next\": {\"next\": {\"next\": null}}}",
                generic.deserialize("t", shallow).toString());
    }

    @Test
    void wrappedErrorsAreRecognised() {
        WireFormatException inner = assertThrows(WireFormatException.class,
                () -> reader.deserialize("prompts", new byte[1]));
        assertTrue(WireFormatException.isCauseOf(new RuntimeException(new IllegalStateException(inner))));
        assertFalse(WireFormatException.isCauseOf(new RuntimeException("other")));
    }
}
