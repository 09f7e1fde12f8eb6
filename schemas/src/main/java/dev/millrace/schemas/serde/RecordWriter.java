package dev.millrace.schemas.serde;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.UnresolvedUnionException;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;

/**
 * Writes values of one schema under one id. Thread-safe: buffers and encoder belong to the calling thread.
 */
final class RecordWriter {
    private static final int KEPT_BUFFER_BYTES = 1 << 20;
    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    private final int id;
    private final Schema schema;
    private final DatumWriter<Object> writer;
    private final GenericDatumReader<Object> projection;
    private final GenericDatumWriter<Object> projected;

    /**
     * @param target the schema behind {@code id}; differs from {@code schema}, that of the values, when the
     *     registry's newest is used
     * @param sample a value, to tell generated from generic records
     */
    RecordWriter(int id, Schema schema, Schema target, Object sample, GenericData data) {
        this.id = id;
        this.schema = schema;
        this.writer = sample instanceof SpecificRecord
                ? new SpecificDatumWriter<>(schema, SpecificData.getForClass(sample.getClass()))
                : new GenericDatumWriter<>(schema, data);
        // Avro's writers take fields by position, so a value of another schema must be resolved to the target
        // first.
        boolean differs = !target.equals(schema);
        this.projection = differs ? new GenericDatumReader<>(schema, target) : null;
        this.projected = differs ? new GenericDatumWriter<>(target) : null;
    }

    byte[] write(String topic, Object value) {
        if (schema.getType() == Schema.Type.BYTES) {
            return rawBytes(value);
        }
        Scratch scratch = SCRATCH.get();
        try {
            byte[] framed = scratch.encode(writer, value);
            if (projection != null) {
                WireDecoder decoder = new WireDecoder().reset(framed, WireFormat.HEADER_BYTES, framed.length);
                framed = scratch.encode(projected, projection.read(null, decoder));
            }
            WireFormat.writeHeader(framed, id);
            return framed;
        } catch (IOException | RuntimeException e) {
            SCRATCH.remove(); // The encoder may hold half a record.
            throw new SerializationException("topic " + topic + ": a value does not fit its Avro schema "
            + schema.getFullName()
                    + ": " + reason(e), withoutContent(e));
        }
    }

    /** Avro puts the value itself into this one message; a prompt has no place in a log. */
    private static String reason(Exception e) {
        return e instanceof UnresolvedUnionException union ? "a value is not in the union "
                + union.getUnionSchema() : e.getMessage();
    }

    private static Exception withoutContent(Exception e) {
        return e instanceof UnresolvedUnionException ? new AvroRuntimeException(reason(e)) : e;
    }

    private byte[] rawBytes(Object value) {
        ByteBuffer bytes = value instanceof ByteBuffer buffer ? buffer.duplicate()
                : ByteBuffer.wrap((byte[]) value);
        byte[] framed = new byte[WireFormat.HEADER_BYTES + bytes.remaining()];
        bytes.get(framed, WireFormat.HEADER_BYTES, bytes.remaining());
        WireFormat.writeHeader(framed, id);
        return framed;
    }

    /** A thread's buffer, with room for the header in front, and its encoder. */
    private static final class Scratch {
        private static final byte[] HEADER_ROOM = new byte[WireFormat.HEADER_BYTES];
        private ByteArrayOutputStream out = new ByteArrayOutputStream(4096);
        private BinaryEncoder encoder;

        byte[] encode(DatumWriter<Object> writer, Object value) throws IOException {
            out.reset();
            out.write(HEADER_ROOM);
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            writer.write(value, encoder);
            encoder.flush();
            byte[] framed = out.toByteArray();
            if (framed.length > KEPT_BUFFER_BYTES) {
                out = new ByteArrayOutputStream(4096);
            }
            return framed;
        }
    }
}
