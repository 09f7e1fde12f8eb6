package dev.millrace.schemas.registry;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;

/** Which earlier versions of a subject a new schema must fit, and in which direction; Confluent's names. */
public enum CompatibilityLevel {
    /** Anything goes. */
    NONE(false, false, false),
    /** The new schema reads what the last one wrote. */
    BACKWARD(true, false, false),
    /** The new schema reads what any earlier one wrote. */
    BACKWARD_TRANSITIVE(true, false, true),
    /** The last schema reads what the new one writes. */
    FORWARD(false, true, false),
    /** Every earlier schema reads what the new one writes. */
    FORWARD_TRANSITIVE(false, true, true),
    /** Both ways with the last schema. */
    FULL(true, true, false),
    /** Both ways with every earlier schema. */
    FULL_TRANSITIVE(true, true, true);

    private final boolean backward;
    private final boolean forward;
    private final boolean transitive;

    CompatibilityLevel(boolean backward, boolean forward, boolean transitive) {
        this.backward = backward;
        this.forward = forward;
        this.transitive = transitive;
    }

    /**
     * The level of this name in any case; {@link IllegalArgumentException} that lists the names otherwise.
     */
    public static CompatibilityLevel of(String name) {
        for (CompatibilityLevel level : values()) {
            if (level.name().equals(name.toUpperCase(Locale.ROOT))) {
                return level;
            }
        }
        throw new IllegalArgumentException("'" + name + "' is no compatibility level: one of "
                + List.of(values()));
    }

    /**
     * What speaks against {@code next} as the successor of {@code earlier} (oldest first); empty if nothing
     * does. Judged by Avro's own {@link SchemaCompatibility}.
     */
    public List<String> objections(Schema next, List<Schema> earlier) {
        List<String> objections = new ArrayList<>();
        int first = transitive ? 0 : Math.max(0, earlier.size() - 1);
        for (int i = earlier.size() - 1; i >= first; i--) {
            Schema old = earlier.get(i);
            if (backward) {
                explain("the new schema cannot read data of earlier version", i + 1, next, old, objections);
            }
            if (forward) {
                explain("data of the new schema cannot be read by earlier version", i + 1, old, next,
                        objections);
            }
        }
        return objections;
    }

    private static void explain(String what, int ordinal, Schema reader, Schema writer,
            List<String> objections) {
        var result = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getResult();
        if (result.getCompatibility() != SchemaCompatibilityType.COMPATIBLE) {
            for (var found : result.getIncompatibilities()) {
                objections.add("%s %d: %s at %s: %s".formatted(
                        what, ordinal, found.getType(), found.getLocation(), found.getMessage()));
            }
        }
    }
}
