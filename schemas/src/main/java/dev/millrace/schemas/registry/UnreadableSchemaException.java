package dev.millrace.schemas.registry;

/**
 * The registry has a schema under this id, but it is not one that Avro can read: Protobuf, JSON Schema, or
 * broken.
 */
public final class UnreadableSchemaException extends RegistryException {
    /** With what is wrong. */
    public UnreadableSchemaException(String message, Throwable cause) {
        super(message, 0, cause);
    }
}
