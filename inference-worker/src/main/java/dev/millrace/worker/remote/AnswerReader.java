package dev.millrace.worker.remote;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Usage;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Reads the body of a 200 answer against what was asked. Believes nothing: as many choices as
 * asked, each with its own index, a text and an ending; usage; log-probabilities and token ids
 * where they were asked for.
 */
final class AnswerReader {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Members of an assistant's message that have a place of their own in the contract, or mean
     * nothing.
     */
    private static final Set<String> PLACED = Set.of("role", "content", "gen_tokens", "token_ids");

    /** What a 200 answer says. */
    record Answer(List<Choice> choices, Usage usage) {}

    private AnswerReader() {}

    static Answer read(byte[] body, PromptJob job) throws MalformedAnswerException {
        JsonNode root = parse(body);
        JsonNode given = root.path("choices");
        int wanted = job.getSampling().getN();
        check(given.isArray(), "it has no choices");
        check(given.size() == wanted, "it has %d choices, not %d".formatted(given.size(), wanted));
        Choice[] choices = new Choice[wanted];
        for (JsonNode one : given) {
            Choice choice = choice(one, root, job);
            int index = choice.getIndex();
            check(
                    index >= 0 && index < wanted && choices[index] == null,
                    "choice index " + index + " is wrong");
            choices[index] = choice;
        }
        return new Answer(List.of(choices), usage(root.path("usage")));
    }

    private static JsonNode parse(byte[] body) throws MalformedAnswerException {
        try {
            JsonNode root = JSON.readTree(body);
            check(root != null && root.isObject(), "it is no JSON object");
            return root;
        } catch (IOException e) {
            // The parser's message would quote the answer, which is nobody's business in a log.
            throw new MalformedAnswerException("it is not JSON");
        }
    }

    private static Choice choice(JsonNode one, JsonNode root, PromptJob job)
            throws MalformedAnswerException {
        boolean isChat = job.getEndpoint() == Endpoint.CHAT_COMPLETIONS;
        JsonNode message = one.path("message");
        JsonNode text = isChat ? message.path("content") : one.path("text");
        check(!isChat || message.isObject(), "a choice has no message");
        check(text.isTextual() || isChat && !message.has("error"), "a choice has no text");
        check(one.path("index").canConvertToInt(), "a choice has no index");
        boolean wantsIds = job.getSampling().getReturnTokenIds();
        Integer logprobs = job.getSampling().getLogprobs();
        return Choice.newBuilder()
                .setIndex(one.path("index").intValue())
                .setText(text.isTextual() ? text.textValue() : "")
                .setFinishReason(finishReason(one))
                .setStopReason(stopReason(one, job))
                .setTokenIds(wantsIds ? tokenIds(one, message) : null)
                .setPromptTokenIds(wantsIds ? ints(promptTokenIds(one, root)) : null)
                .setLogprobs(
                        logprobs == null
                                ? null
                                : LogprobsReader.read(one.path("logprobs"), logprobs))
                .setMessageExtra(isChat ? extra(message) : null)
                .build();
    }

    private static String finishReason(JsonNode one) throws MalformedAnswerException {
        String reason = one.path("finish_reason").asText("");
        return switch (reason) {
            case "stop", "length", "tool_calls", "content_filter", "function_call" -> reason;
            // TGI's names.
            case "eos_token", "stop_sequence" -> "stop";
            default ->
                    throw new MalformedAnswerException(
                            "a choice's finish_reason is '" + reason + "'");
        };
    }

    /**
     * vLLM's stop_reason; SGLang's matched_stop is the end-of-sequence token too, for which the
     * contract has null.
     */
    private static String stopReason(JsonNode one, PromptJob job) {
        JsonNode reason =
                one.hasNonNull("stop_reason") ? one.get("stop_reason") : one.path("matched_stop");
        if (reason.isTextual()) {
            return reason.textValue();
        }
        boolean isAsked =
                reason.canConvertToInt()
                        && job.getSampling().getStopTokenIds().contains(reason.intValue());
        return isAsked ? reason.asText() : null;
    }

    private static List<Integer> tokenIds(JsonNode one, JsonNode message)
            throws MalformedAnswerException {
        for (JsonNode ids :
                List.of(
                        one.path("token_ids"),
                        one.path("gen_tokens"),
                        message.path("gen_tokens"))) {
            if (ids.isArray()) {
                return ints(ids);
            }
        }
        throw new MalformedAnswerException("the token ids that were asked for are missing");
    }

    private static JsonNode promptTokenIds(JsonNode one, JsonNode root) {
        return one.hasNonNull("prompt_token_ids")
                ? one.get("prompt_token_ids")
                : root.path("prompt_token_ids");
    }

    /** Null where the server does not tell. */
    private static List<Integer> ints(JsonNode array) throws MalformedAnswerException {
        if (!array.isArray()) {
            return null;
        }
        List<Integer> values = new ArrayList<>(array.size());
        for (JsonNode value : array) {
            check(value.canConvertToInt(), "a token id is no number");
            values.add(value.intValue());
        }
        return values;
    }

    /**
     * tool_calls, reasoning_content, refusal and whatever else the server says; null when it says
     * nothing more.
     */
    private static String extra(JsonNode message) {
        ObjectNode extra = JsonNodeFactory.instance.objectNode();
        for (var member : message.properties()) {
            boolean isEmpty =
                    member.getValue().isNull()
                            || member.getValue().isArray() && member.getValue().isEmpty();
            if (!isEmpty && !PLACED.contains(member.getKey())) {
                extra.set(member.getKey(), member.getValue());
            }
        }
        return extra.isEmpty() ? null : extra.toString();
    }

    private static Usage usage(JsonNode usage) throws MalformedAnswerException {
        int prompt = count(usage.path("prompt_tokens"), "prompt_tokens");
        int completion = count(usage.path("completion_tokens"), "completion_tokens");
        int cached =
                Math.clamp(
                        usage.path("prompt_tokens_details").path("cached_tokens").asInt(0),
                        0,
                        prompt);
        return new Usage(prompt, cached, completion);
    }

    private static int count(JsonNode number, String name) throws MalformedAnswerException {
        check(
                number.canConvertToInt() && number.intValue() >= 0,
                "usage." + name + " is missing or no count");
        return number.intValue();
    }

    private static void check(boolean holds, String problem) throws MalformedAnswerException {
        if (!holds) {
            throw new MalformedAnswerException(problem);
        }
    }
}
