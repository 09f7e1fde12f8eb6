package dev.millrace.ingest.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;

import dev.millrace.schemas.Endpoint;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Fields of OpenAI's and vLLM's bodies that exist but are not implemented here. Each lists the
 * values whose meaning is exactly what happens anyway, so that a client which always sends its
 * defaults is served; every other value is an error.
 */
final class NeutralFields {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final Map<String, List<JsonNode>> BOTH = new HashMap<>();
    private static final Map<String, List<JsonNode>> CHAT = new HashMap<>();
    private static final Map<String, List<JsonNode>> COMPLETIONS = new HashMap<>();

    static {
        neutral(BOTH, "stream", BooleanNode.FALSE);
        neutral(BOTH, "store", BooleanNode.FALSE);
        neutral(BOTH, "service_tier", TextNode.valueOf("auto"), TextNode.valueOf("default"));
        neutral(BOTH, "echo", BooleanNode.FALSE);
        neutral(BOTH, "min_tokens", DoubleNode.valueOf(0));
        neutral(BOTH, "length_penalty", DoubleNode.valueOf(1));
        neutral(BOTH, "use_beam_search", BooleanNode.FALSE);
        neutral(BOTH, "include_stop_str_in_output", BooleanNode.FALSE);
        neutral(BOTH, "bad_words", NODES.arrayNode());
        for (String name :
                List.of(
                        "stream_options",
                        "prompt_logprobs",
                        "truncate_prompt_tokens",
                        "allowed_token_ids",
                        "guided_grammar",
                        "logits_processors",
                        "spaces_between_special_tokens",
                        "safety_identifier",
                        "prompt_cache_key",
                        "prompt_cache_retention")) {
            neutral(BOTH, name);
        }
        neutral(CHAT, "tool_choice", TextNode.valueOf("auto"), TextNode.valueOf("none"));
        neutral(CHAT, "parallel_tool_calls", BooleanNode.TRUE);
        neutral(CHAT, "modalities", NODES.arrayNode().add("text"));
        neutral(CHAT, "add_generation_prompt", BooleanNode.TRUE);
        neutral(CHAT, "continue_final_message", BooleanNode.FALSE);
        neutral(CHAT, "add_special_tokens", BooleanNode.FALSE);
        for (String name :
                List.of(
                        "functions",
                        "function_call",
                        "audio",
                        "prediction",
                        "reasoning_effort",
                        "verbosity",
                        "web_search_options",
                        "chat_template",
                        "documents",
                        "prompt",
                        "suffix",
                        "best_of")) {
            neutral(CHAT, name);
        }
        neutral(COMPLETIONS, "add_special_tokens", BooleanNode.TRUE);
        for (String name :
                List.of(
                        "suffix",
                        "prompt_embeds",
                        "messages",
                        "tools",
                        "tool_choice",
                        "chat_template_kwargs",
                        "shared_prefix_id",
                        "top_logprobs")) {
            neutral(COMPLETIONS, name);
        }
    }

    private NeutralFields() {}

    /** Whether the endpoint's body has such a field at all. */
    static boolean knows(String name, Endpoint endpoint) {
        return BOTH.containsKey(name) || own(endpoint).containsKey(name);
    }

    /** Passes if the value changes nothing; else throws an error that names the field. */
    static void check(JsonField field, String name, Endpoint endpoint) {
        List<JsonNode> neutral = BOTH.containsKey(name) ? BOTH.get(name) : own(endpoint).get(name);
        if (neutral.stream().anyMatch(value -> same(value, field.value()))) {
            return;
        }
        if (neutral.isEmpty()) {
            String where =
                    endpoint == Endpoint.CHAT_COMPLETIONS
                            ? BatchLineParser.CHAT_URL
                            : BatchLineParser.COMPLETIONS_URL;
            throw new FieldException(
                    ErrorCodes.UNSUPPORTED,
                    field.path(),
                    field.path() + " is not supported for " + where);
        }
        String only = String.join(" or ", neutral.stream().map(NeutralFields::text).toList());
        throw new FieldException(
                ErrorCodes.UNSUPPORTED_VALUE,
                field.path(),
                field.path() + " " + field.shown() + " is not supported; only " + only + " is");
    }

    private static boolean same(JsonNode neutral, JsonNode given) {
        if (neutral.isNumber() && given.isNumber()) {
            return neutral.doubleValue() == given.doubleValue();
        }
        return neutral.equals(given);
    }

    private static String text(JsonNode neutral) {
        return neutral.isNumber() ? String.valueOf(neutral.intValue()) : neutral.toString();
    }

    private static Map<String, List<JsonNode>> own(Endpoint endpoint) {
        return endpoint == Endpoint.CHAT_COMPLETIONS ? CHAT : COMPLETIONS;
    }

    private static void neutral(
            Map<String, List<JsonNode>> fields, String name, JsonNode... values) {
        fields.put(name, List.of(values));
    }
}
