package dev.millrace.schemas.serde;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The frame around every record. docs.confluent.io, "Formats, Serializers, and Deserializers", "Wire format":
 * <pre>
 *   byte 0     magic, 0
 *   byte 1-4   schema id, big end first
 * byte 5-    the value in Avro's binary encoding; a value whose whole schema is "bytes" goes as it is,
 *   without a length
 * </pre>
 */
public final class WireFormat {
    /** First byte of every record. */
    public static final byte MAGIC = 0;
    /** Bytes before the value. */
    public static final int HEADER_BYTES = 5;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class,
            ByteOrder.BIG_ENDIAN);

    private WireFormat() {}

    /** Writes the header to {@code bytes[0, 5)}. */
    static void writeHeader(byte[] bytes, int schemaId) {
        bytes[0] = MAGIC;
        INT.set(bytes, 1, schemaId);
    }

    /** The schema id of a framed record; {@link WireFormatException} if these bytes have no frame. */
    public static int schemaId(String topic, byte[] bytes, int start, int length) {
        if (length < HEADER_BYTES) {
            throw new WireFormatException(topic,
                    length + " bytes are too few for a magic byte and a schema id", null);
        }
        if (bytes[start] != MAGIC) {
            throw new WireFormatException(topic,
                    "the first byte is %d, not the magic byte 0".formatted(bytes[start]), null);
        }
        return (int) INT.get(bytes, start + 1);
    }
}
