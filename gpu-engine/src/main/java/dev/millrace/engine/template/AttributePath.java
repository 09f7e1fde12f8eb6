package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.List;

/**
 * The {@code attribute} argument of filters: names or numbers with dots between them, looked up one
 * after the other.
 *
 * @param parts keys as strings or ints
 */
record AttributePath(List<Object> parts) {

    static AttributePath of(Object attribute) {
        if (attribute == null) {
            return new AttributePath(List.of());
        }
        if (!PyValues.isText(attribute)) {
            return new AttributePath(List.of(attribute));
        }
        List<Object> parts = new ArrayList<>();
        for (String part : PyValues.text(attribute).split("\\.", -1)) {
            parts.add(part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : part);
        }
        return new AttributePath(parts);
    }

    Object get(Object item) {
        return get(item, null);
    }

    /**
     * @param fallback taken where a part is undefined; null for none
     */
    Object get(Object item, Object fallback) {
        Object value = item;
        for (Object part : parts) {
            value = Members.item(value, part);
            if (fallback != null && value instanceof Undefined) {
                value = fallback;
            }
        }
        return value;
    }
}
