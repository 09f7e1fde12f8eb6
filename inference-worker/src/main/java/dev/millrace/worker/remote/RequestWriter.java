package dev.millrace.worker.remote;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.ConstraintKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.worker.RequestDecoder;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Writes a job as the body of a request in OpenAI's API. What the job leaves open is left open, so
 * that the server's own defaults hold, with two exceptions: /v1/completions gets OpenAI's 16 tokens
 * by name, because servers differ there, and every request gets a seed, so that a repeated attempt
 * asks the same question. A field that the server does not know is refused, never left out.
 */
final class RequestWriter {
    private static final String CHAT_PATH = "/chat/completions";
    private static final String COMPLETIONS_PATH = "/completions";
    private static final int DEFAULT_COMPLETION_TOKENS = 16;

    /** Seeds that we derive fit in 31 bits: every server takes those. */
    private static final long DERIVED_SEED_MASK = 0x7fffffffL;

    private static final JsonFactory JSON = new JsonFactory();

    private final RemoteConfig config;

    /**
     * @param config with names and kind resolved
     */
    RequestWriter(RemoteConfig config) {
        this.config = config;
    }

    /**
     * @throws RequestRejectedException when the job can never be answered by this server; code and
     *     field say why
     */
    RemoteRequest write(PromptJob job, long requestId) {
        ErrorInfo rejection = job.getRejection();
        if (rejection != null) {
            throw new RequestRejectedException(
                    rejection.getCode(), rejection.getParam(), rejection.getMessage());
        }
        if (!config.servedName().equals(job.getModel())) {
            throw new RequestRejectedException(
                    "model_not_found",
                    "model",
                    "the model '%s' is not served here; this worker serves '%s'"
                            .formatted(job.getModel(), config.servedName()));
        }
        long seed = seedOf(job);
        boolean isChat = job.getEndpoint() == Endpoint.CHAT_COMPLETIONS;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("model", config.remoteModel());
            if (isChat) {
                writeConversation(json, job);
            } else {
                writePrompt(json, job);
            }
            writeEverywhere(json, job, seed);
            writeWhereKnown(json, job);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory cannot fail", e);
        }
        int promptTokens = estimatePromptTokens(job);
        return new RemoteRequest(
                requestId,
                job.getPriority(),
                isChat ? CHAT_PATH : COMPLETIONS_PATH,
                bytes.toByteArray(),
                job,
                seed,
                promptTokens);
    }

    private void writeConversation(JsonGenerator json, PromptJob job) throws IOException {
        if (job.getMessages().isEmpty()) {
            throw new RequestRejectedException(
                    "invalid_request", "messages", "messages is missing or empty");
        }
        json.writeArrayFieldStart("messages");
        for (ChatMessage message : job.getMessages()) {
            json.writeStartObject();
            json.writeStringField("role", message.getRole());
            boolean hasOtherContent =
                    message.getExtra() != null && JsonMembers.has(message.getExtra(), "content");
            if (!hasOtherContent) {
                json.writeStringField("content", message.getContent());
            }
            if (message.getExtra() != null) {
                JsonMembers.copy(message.getExtra(), json, "messages");
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        if (job.getTools() != null) {
            require(RequestField.TOOLS, job);
            json.writeFieldName("tools");
            json.writeRawValue(JsonMembers.checked(job.getTools(), "tools"));
        }
        if (job.getChatTemplateKwargs() != null) {
            require(RequestField.CHAT_TEMPLATE_KWARGS, job);
            json.writeFieldName("chat_template_kwargs");
            json.writeRawValue(
                    JsonMembers.checked(job.getChatTemplateKwargs(), "chat_template_kwargs"));
        }
    }

    private void writePrompt(JsonGenerator json, PromptJob job) throws IOException {
        if (job.getPromptTokenIds() != null) {
            require(RequestField.PROMPT_TOKEN_IDS, job);
            writeInts(json, "prompt", job.getPromptTokenIds());
        } else if (job.getPrompt() != null) {
            json.writeStringField("prompt", job.getPrompt());
        } else {
            throw new RequestRejectedException("invalid_request", "prompt", "prompt is missing");
        }
    }

    private void writeEverywhere(JsonGenerator json, PromptJob job, long seed) throws IOException {
        SamplingParams asked = job.getSampling();
        boolean isChat = job.getEndpoint() == Endpoint.CHAT_COMPLETIONS;
        // OpenAI's newer models refuse the old name; the other servers all know it.
        String maxTokensName =
                isChat && config.kind() == ServerKind.OPENAI
                        ? "max_completion_tokens"
                        : "max_tokens";
        if (asked.getMaxTokens() != null || !isChat) {
            json.writeNumberField(
                    maxTokensName,
                    asked.getMaxTokens() != null
                            ? asked.getMaxTokens()
                            : DEFAULT_COMPLETION_TOKENS);
        }
        writeNumber(json, "temperature", asked.getTemperature());
        writeNumber(json, "top_p", asked.getTopP());
        if (!asked.getStop().isEmpty()) {
            json.writeArrayFieldStart("stop");
            for (String stop : asked.getStop()) {
                json.writeString(stop);
            }
            json.writeEndArray();
        }
        json.writeNumberField("seed", seed);
    }

    private void writeWhereKnown(JsonGenerator json, PromptJob job) throws IOException {
        SamplingParams asked = job.getSampling();
        if (asked.getTopK() != null
                && (asked.getTopK() > 0
                        || config.kind().knows(RequestField.TOP_K, job.getEndpoint()))) {
            require(RequestField.TOP_K, job);
            json.writeNumberField("top_k", allTokens(asked.getTopK()));
        }
        if (wants(asked.getMinP(), 0, RequestField.MIN_P, job)) {
            json.writeNumberField("min_p", asked.getMinP());
        }
        if (wants(asked.getRepetitionPenalty(), 1, RequestField.REPETITION_PENALTY, job)) {
            String name =
                    config.kind() == ServerKind.LLAMACPP ? "repeat_penalty" : "repetition_penalty";
            json.writeNumberField(name, asked.getRepetitionPenalty());
        }
        if (wants(asked.getPresencePenalty(), 0, RequestField.PRESENCE_PENALTY, job)) {
            json.writeNumberField("presence_penalty", asked.getPresencePenalty());
        }
        if (wants(asked.getFrequencyPenalty(), 0, RequestField.FREQUENCY_PENALTY, job)) {
            json.writeNumberField("frequency_penalty", asked.getFrequencyPenalty());
        }
        if (asked.getLogitBias() != null && !asked.getLogitBias().isEmpty()) {
            require(RequestField.LOGIT_BIAS, job);
            json.writeObjectFieldStart("logit_bias");
            for (var bias : asked.getLogitBias().entrySet()) {
                json.writeNumberField(bias.getKey(), bias.getValue());
            }
            json.writeEndObject();
        }
        writeLogprobs(json, job);
        if (!asked.getStopTokenIds().isEmpty()) {
            require(RequestField.STOP_TOKEN_IDS, job);
            writeInts(json, "stop_token_ids", asked.getStopTokenIds());
        }
        if (asked.getN() > 1) {
            require(RequestField.N, job);
            json.writeNumberField("n", asked.getN());
        }
        if (job.getConstraint() != null) {
            writeConstraint(json, job);
        }
        writeFlag(json, RequestField.IGNORE_EOS, asked.getIgnoreEos(), true, job);
        writeFlag(
                json, RequestField.SKIP_SPECIAL_TOKENS, !asked.getSkipSpecialTokens(), false, job);
        writeFlag(json, RequestField.RETURN_TOKEN_IDS, asked.getReturnTokenIds(), true, job);
    }

    /** JSON by OpenAI's field, which many servers know; the other forms by vLLM's. */
    private void writeConstraint(JsonGenerator json, PromptJob job) throws IOException {
        OutputConstraint asked = job.getConstraint();
        boolean isJson =
                asked.getKind() == ConstraintKind.JSON_OBJECT
                        || asked.getKind() == ConstraintKind.JSON_SCHEMA;
        RequestField field =
                isJson ? RequestField.RESPONSE_FORMAT : RequestField.STRUCTURED_OUTPUTS;
        require(field, job);
        json.writeObjectFieldStart(field.jsonName());
        switch (asked.getKind()) {
            case JSON_OBJECT -> json.writeStringField("type", "json_object");
            case JSON_SCHEMA -> {
                json.writeStringField("type", "json_schema");
                json.writeObjectFieldStart("json_schema");
                json.writeStringField("name", asked.getName() == null ? "answer" : asked.getName());
                json.writeBooleanField("strict", true);
                json.writeFieldName("schema");
                json.writeRawValue(JsonMembers.checked(asked.getText(), asked.getField()));
                json.writeEndObject();
            }
            case REGEX -> json.writeStringField("regex", asked.getText());
            case CHOICE -> {
                json.writeFieldName("choice");
                json.writeRawValue(JsonMembers.checked(asked.getText(), asked.getField()));
            }
        }
        json.writeEndObject();
    }

    private void writeLogprobs(JsonGenerator json, PromptJob job) throws IOException {
        Integer asked = job.getSampling().getLogprobs();
        if (asked == null) {
            return;
        }
        require(RequestField.LOGPROBS, job);
        // llama.cpp takes 0 alternatives for "no log-probabilities"; the reader drops the one too
        // many.
        int sent = config.kind() == ServerKind.LLAMACPP ? Math.max(1, asked) : asked;
        if (job.getEndpoint() == Endpoint.CHAT_COMPLETIONS) {
            json.writeBooleanField("logprobs", true);
            json.writeNumberField("top_logprobs", sent);
        } else {
            json.writeNumberField("logprobs", sent);
        }
    }

    private void writeFlag(
            JsonGenerator json, RequestField field, boolean isAsked, boolean value, PromptJob job)
            throws IOException {
        if (isAsked) {
            require(field, job);
            json.writeBooleanField(field.jsonName(), value);
        }
    }

    /** Whether the field must be written; a value that changes nothing is no reason to refuse. */
    private boolean wants(Double value, double neutral, RequestField field, PromptJob job) {
        if (value == null || value == neutral && !config.kind().knows(field, job.getEndpoint())) {
            return false;
        }
        require(field, job);
        return true;
    }

    private void require(RequestField field, PromptJob job) {
        if (!config.kind().knows(field, job.getEndpoint())) {
            throw new RequestRejectedException(
                    "unsupported_parameter",
                    field.jsonName(),
                    "%s is not supported by the remote server (%s) on %s"
                            .formatted(
                                    field == RequestField.PROMPT_TOKEN_IDS
                                            ? "prompt as token ids"
                                            : field.jsonName(),
                                    config.kind(),
                                    job.getEndpoint() == Endpoint.CHAT_COMPLETIONS
                                            ? "/v1/chat/completions"
                                            : "/v1/completions"));
        }
    }

    private long seedOf(PromptJob job) {
        Long asked = job.getSampling().getSeed();
        if (asked == null) {
            return RequestDecoder.seedOf(job) & DERIVED_SEED_MASK;
        }
        boolean isUnsigned =
                config.kind() == ServerKind.LLAMACPP || config.kind() == ServerKind.TGI;
        boolean is32Bit = config.kind() == ServerKind.LLAMACPP;
        // llama.cpp takes the highest 32-bit number for "any seed".
        if (isUnsigned && asked < 0 || is32Bit && asked >= 0xffffffffL) {
            throw new RequestRejectedException(
                    "invalid_request",
                    "seed",
                    "seed " + asked + " is out of the remote server's range");
        }
        return asked;
    }

    /** "All tokens" is 0 or -1 in the contract; -1 is what vLLM and SGLang take, 0 the others. */
    private int allTokens(int topK) {
        if (topK > 0) {
            return topK;
        }
        return config.kind() == ServerKind.VLLM || config.kind() == ServerKind.SGLANG ? -1 : 0;
    }

    /** About four characters a token; only for the account between tenants. */
    private static int estimatePromptTokens(PromptJob job) {
        if (job.getPromptTokenIds() != null) {
            return job.getPromptTokenIds().size();
        }
        long chars = job.getPrompt() == null ? 0 : job.getPrompt().length();
        for (ChatMessage message : job.getMessages()) {
            chars += message.getContent() == null ? 0 : message.getContent().length();
        }
        return (int) Math.min(Integer.MAX_VALUE, 1 + chars / 4);
    }

    private static void writeNumber(JsonGenerator json, String name, Double value)
            throws IOException {
        if (value != null) {
            json.writeNumberField(name, value);
        }
    }

    private static void writeInts(JsonGenerator json, String name, List<Integer> values)
            throws IOException {
        json.writeArrayFieldStart(name);
        for (int value : values) {
            json.writeNumber(value);
        }
        json.writeEndArray();
    }
}
