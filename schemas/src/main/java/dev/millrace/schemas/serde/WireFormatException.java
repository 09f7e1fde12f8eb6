package dev.millrace.schemas.serde;

import org.apache.kafka.common.errors.SerializationException;

/**
 * Bytes that this reader can never make a record of, however often it tries: no magic byte, an id that the
 * registry does not know, cut off, left-over bytes, or written with a schema that does not resolve to the
 * reader's.
 */
public final class WireFormatException extends SerializationException {
    /** Which bytes and why. */
    public WireFormatException(String topic, String reason, Throwable cause) {
        super("topic " + topic + ": unreadable record: " + reason, cause);
    }

    /** True if this error or one of its causes is a {@link WireFormatException}; Kafka's clients wrap it. */
    public static boolean isCauseOf(Throwable error) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof WireFormatException) {
                return true;
            }
        }
        return false;
    }
}
