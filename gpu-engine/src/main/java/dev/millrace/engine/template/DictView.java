package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * What {@code dict.keys()}, {@code values()} and {@code items()} give: sized and iterable, but
 * without index.
 */
record DictView(Kind kind, Map<Object, Object> map) {

    enum Kind {
        KEYS("dict_keys"),
        VALUES("dict_values"),
        ITEMS("dict_items");

        private final String typeName;

        Kind(String typeName) {
            this.typeName = typeName;
        }
    }

    String typeName() {
        return kind.typeName;
    }

    Collection<Object> items() {
        return switch (kind) {
            case KEYS -> map.keySet();
            case VALUES -> map.values();
            case ITEMS -> {
                List<Object> items = new ArrayList<>(map.size());
                map.forEach((key, value) -> items.add(PyTuple.of(key, value)));
                yield items;
            }
        };
    }
}
