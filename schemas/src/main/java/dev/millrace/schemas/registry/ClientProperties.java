package dev.millrace.schemas.registry;

import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.types.Password;

/** Typed reading of client properties: values may be text, as from a file, or already typed, as from code. */
public final class ClientProperties {
    private final Map<String, ?> properties;

    /** Reads from this map, which is not copied. */
    public ClientProperties(Map<String, ?> properties) {
        this.properties = properties;
    }

    /** True if the property has a value that is not blank. */
    public boolean has(String name) {
        return text(name) != null;
    }

    /** The value as text; null if absent or blank. A collection is joined by commas. */
    public String text(String name) {
        String text = switch (properties.get(name)) {
            case null -> null;
            case Password password -> password.value();
            case Class<?> type -> type.getName();
            case Collection<?> list -> list.stream().map(String::valueOf).collect(Collectors.joining(","));
            case Object other -> other.toString();
        };
        return text == null || text.isBlank() ? null : text.strip();
    }

    /** true or false; {@link IllegalArgumentException} naming the property otherwise. */
    public boolean flag(String name, boolean fallback) {
        String text = text(name);
        if (text == null) {
            return fallback;
        }
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default -> throw bad(name, text, "true or false");
        };
    }

    /**
     * A whole number of at least {@code least}; {@link IllegalArgumentException} naming the property
     * otherwise.
     */
    public int number(String name, int fallback, int least) {
        String text = text(name);
        if (text == null) {
            return fallback;
        }
        try {
            int value = Integer.parseInt(text);
            if (value >= least) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw bad(name, text, "a whole number");
        }
        throw bad(name, text, "at least " + least);
    }

    /** A number of milliseconds. */
    public Duration millis(String name, long fallback) {
        return Duration.ofMillis(number(name, Math.toIntExact(fallback), 0));
    }

    /** The error for a property with a bad value. */
    public static IllegalArgumentException bad(String name, String value, String wanted) {
        return new IllegalArgumentException(name + "=" + value + ": must be " + wanted);
    }
}
