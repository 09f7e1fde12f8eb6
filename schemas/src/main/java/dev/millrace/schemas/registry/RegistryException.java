package dev.millrace.schemas.registry;

import org.apache.kafka.common.errors.SerializationException;

/**
 * The registry answered with an error, or with something that is no answer. Asking again changes nothing:
 * settings, rights or the schema must change first ({@link RegistryUnavailableException}, a subclass, is the
 * exception to this).
 */
public class RegistryException extends SerializationException {
    /** There is no such subject. */
    public static final int SUBJECT_NOT_FOUND = 40401;
    /** The subject has no such version. */
    public static final int VERSION_NOT_FOUND = 40402;
    /** There is no schema with this id, or the schema is not registered under the subject. */
    public static final int SCHEMA_NOT_FOUND = 40403;
    /** The schema may not follow the subject's versions. */
    public static final int INCOMPATIBLE_SCHEMA = 409;

    private final int errorCode;

    /**
     * An error with the registry's code: five digits as Confluent documents them, or the HTTP status; 0 if
     * none came.
     */
    public RegistryException(String message, int errorCode) {
        this(message, errorCode, null);
    }

    /** The same with what caused it. */
    public RegistryException(String message, int errorCode, Throwable cause) {
        super(message, cause);
        this.errorCode = errorCode;
    }

    /**
     * The registry's error_code (40403, 42201, 409 ...), its HTTP status if it named none, or 0 if no answer
     * came.
     */
    public int errorCode() {
        return errorCode;
    }
}
