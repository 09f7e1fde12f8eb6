package dev.millrace.ops.gateway;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.function.Predicate;

/**
 * Which part of a list is wanted.
 *
 * @param after the id behind which to begin, or null for the beginning
 * @param limit most items
 * @param ascending oldest first
 */
record PageRequest(String after, int limit, boolean ascending) {
    /**
     * Reads {@code after}, {@code limit} and {@code order}.
     *
     * @param idPrefix of the ids that are listed
     */
    static PageRequest of(
            Map<String, String> query, String idPrefix, int defaultLimit, int maxLimit) {
        String after = query.get("after");
        if (after != null && !Ids.isValid(idPrefix, after)) {
            throw ApiFailure.badRequest("after", "invalid_value", "'after' is no id of this list.");
        }
        String order = query.getOrDefault("order", "desc");
        if (!order.equals("asc") && !order.equals("desc")) {
            throw ApiFailure.badRequest(
                    "order", "invalid_value", "'order' must be 'asc' or 'desc'.");
        }
        int limit = limit(query.get("limit"), defaultLimit, maxLimit);
        return new PageRequest(after, limit, order.equals("asc"));
    }

    private static int limit(String text, int defaultLimit, int maxLimit) {
        if (text == null) {
            return defaultLimit;
        }
        boolean number = text.matches("[0-9]{1,9}");
        int limit = number ? Integer.parseInt(text) : 0;
        if (limit < 1 || limit > maxLimit) {
            throw ApiFailure.badRequest(
                    "limit", "invalid_value", "'limit' must be from 1 to " + maxLimit + ".");
        }
        return limit;
    }

    /** The page of those that are wanted; ids are in order of their making. */
    <T> Page<T> pageOf(NavigableMap<String, T> byId, Predicate<T> wanted) {
        NavigableMap<String, T> ordered = ascending ? byId : byId.descendingMap();
        NavigableMap<String, T> rest = after == null ? ordered : ordered.tailMap(after, false);
        List<T> items = new ArrayList<>();
        for (T item : rest.values()) {
            if (!wanted.test(item)) {
                continue;
            }
            if (items.size() == limit) {
                return new Page<>(items, true);
            }
            items.add(item);
        }
        return new Page<>(items, false);
    }
}
