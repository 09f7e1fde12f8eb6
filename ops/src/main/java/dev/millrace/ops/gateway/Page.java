package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.util.List;
import java.util.function.Function;

/**
 * Part of a list.
 *
 * @param hasMore whether the list goes on behind it
 */
record Page<T>(List<T> items, boolean hasMore) {
    /** OpenAI's list object. */
    ObjectNode toJson(Function<T, ObjectNode> item) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode data = json.put("object", "list").putArray("data");
        items.forEach(each -> data.add(item.apply(each)));
        json.set("first_id", data.path(0).get("id"));
        json.set("last_id", data.path(data.size() - 1).get("id"));
        return json.put("has_more", hasMore);
    }
}
