package dev.millrace.schemas.serde;

import java.io.IOException;
import java.util.Arrays;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.DatumReader;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;

/**
 * Reads values that were written with one schema, as one type. Thread-safe: the decoder belongs to the
 * calling thread.
 */
final class RecordReader {
    private static final ThreadLocal<WireDecoder> DECODER = ThreadLocal.withInitial(WireDecoder::new);

    private final Schema writer;
    private final DatumReader<Object> reader;

    private RecordReader(Schema writer, DatumReader<Object> reader) {
        this.writer = writer;
        this.reader = reader;
    }

    /** Values as generic records, in the writer's own schema. */
    static RecordReader generic(Schema writer, boolean logicalTypes) {
        return new RecordReader(writer,
                new GenericDatumReader<>(writer, writer, AvroValues.genericData(logicalTypes)));
    }

    /** Values as instances of a generated class, resolved from the writer's schema to the class's own. */
    static RecordReader specific(Schema writer, Class<?> type) {
        SpecificData data = SpecificData.getForClass(type);
        return new RecordReader(writer, new SpecificDatumReader<>(writer, data.getSchema(type), data));
    }

    /** The value in {@code bytes[start, end)}. */
    Object read(String topic, byte[] bytes, int start, int end) {
        if (writer.getType() == Schema.Type.BYTES) {
            return Arrays.copyOfRange(bytes, start, end);
        }
        WireDecoder decoder = DECODER.get().reset(bytes, start, end);
        try {
            Object value = reader.read(null, decoder);
            if (decoder.remaining() > 0) {
                throw new WireFormatException(topic,
                        decoder.remaining() + " bytes are left over after a value of schema "
                        + writer.getFullName(), null);
            }
            return writer.getType() == Schema.Type.STRING ? value.toString() : value;
        } catch (WireFormatException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new WireFormatException(topic,
                    "no value of schema " + writer.getFullName() + ": " + e.getMessage(), e);
        } catch (StackOverflowError e) {
            throw new WireFormatException(topic,
                    "a value of schema " + writer.getFullName() + " is nested too deeply", null);
        } finally {
            decoder.clear();
        }
    }
}
