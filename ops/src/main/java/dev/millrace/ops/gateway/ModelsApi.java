package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.util.Set;
import java.util.function.Supplier;

/** {@code /v1/models}: what live workers answer for. */
final class ModelsApi {
    private final Supplier<Set<String>> models;
    private final long since;

    /**
     * @param since what is given as each model's making, in seconds since 1970; nobody knows it
     */
    ModelsApi(Supplier<Set<String>> models, long since) {
        this.models = models;
        this.since = since;
    }

    void list(Call call) throws IOException {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("object", "list");
        ArrayNode data = json.putArray("data");
        models.get().forEach(name -> data.add(model(name)));
        call.answer(200, json);
    }

    void get(Call call) throws IOException {
        String name = call.path().get(1);
        if (!models.get().contains(name)) {
            throw ApiFailure.notFound("model", name);
        }
        call.answer(200, model(name));
    }

    private ObjectNode model(String name) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("id", name)
                .put("object", "model")
                .put("created", since)
                .put("owned_by", "millrace");
    }
}
