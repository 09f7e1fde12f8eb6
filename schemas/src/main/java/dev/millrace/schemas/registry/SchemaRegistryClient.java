package dev.millrace.schemas.registry;

import java.util.List;
import org.apache.avro.Schema;

/**
 * What the serdes and tools need of a schema registry. Implementations are thread-safe.
 *
 * <p>Every method throws {@link RegistryUnavailableException} when no answer came (try again later) and
 * another {@link RegistryException} when the registry refused (its {@link RegistryException#errorCode()} says
 * why).
 */
public interface SchemaRegistryClient extends AutoCloseable {
    /** The id of {@code schema} under {@code subject}, registered now if it was not yet. */
    int register(String subject, Schema schema);

    /**
     * The id of {@code schema} if it is registered under {@code subject}; else {@link RegistryException}
     * 40401 or 40403.
     */
    int lookup(String subject, Schema schema);

    /** The schema with this id, whatever its subject; {@link RegistryException} 40403 if there is none. */
    Schema byId(int id);

    /**
     * The newest version of a subject, asked anew each time; {@link RegistryException} 40401 if there is no
     * such subject.
     */
    RegisteredSchema latest(String subject);

    /** One version of a subject; {@link RegistryException} 40401 or 40402 if there is none. */
    RegisteredSchema version(String subject, int version);

    /** Version numbers of a subject, ascending. */
    List<Integer> versions(String subject);

    /** Names of all subjects. */
    List<String> subjects();

    /**
     * Why {@code schema} may not follow the subject's versions under its compatibility level; empty if it
     * may.
     */
    List<String> incompatibilities(String subject, Schema schema);

    /** True if {@code schema} may follow the subject's versions under its compatibility level. */
    default boolean compatible(String subject, Schema schema) {
        return incompatibilities(subject, schema).isEmpty();
    }

    /** The level that holds for a subject: its own or the registry's default. */
    CompatibilityLevel compatibilityLevel(String subject);

    /** Sets a subject's own level. */
    void setCompatibilityLevel(String subject, CompatibilityLevel level);

    /** Lets go of connections; what was learnt may be forgotten. */
    @Override
    void close();
}
