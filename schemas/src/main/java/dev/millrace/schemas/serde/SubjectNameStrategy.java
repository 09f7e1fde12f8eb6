package dev.millrace.schemas.serde;

import org.apache.avro.Schema;

/**
 * Under which subject a record's schema is registered. A strategy of one's own needs a public constructor
 * without arguments.
 */
@FunctionalInterface
public interface SubjectNameStrategy {
    /** The subject; {@code isKey} tells keys from values. */
    String subject(String topic, boolean isKey, Schema schema);
}
