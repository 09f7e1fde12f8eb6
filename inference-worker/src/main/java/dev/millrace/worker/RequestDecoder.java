package dev.millrace.worker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.TextConstraint;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder.EncodedPrompt;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns a job into what the engine runs: prompt to token ids by the model's own encoder, every open
 * sampling value resolved (the job's, else generation_config.json's, else OpenAI's default).
 */
public final class RequestDecoder {
    /** OpenAI's default of max_tokens for /v1/completions. */
    static final int DEFAULT_COMPLETION_TOKENS = 16;

    private static final TypeReference<LinkedHashMap<String, Object>> JSON_OBJECT =
            new TypeReference<>() {};
    private static final TypeReference<List<Object>> JSON_ARRAY = new TypeReference<>() {};

    private final LoadedModel model;
    private final ObjectMapper json = new ObjectMapper();

    public RequestDecoder(LoadedModel model) {
        this.model = model;
    }

    /**
     * @param requestId the handle under which the engine shall know the request
     * @throws RequestRejectedException when the job can never run; code and field say why
     */
    public EngineRequest decode(PromptJob job, long requestId) {
        ErrorInfo rejection = job.getRejection();
        if (rejection != null) {
            throw new RequestRejectedException(
                    rejection.getCode(), rejection.getParam(), rejection.getMessage());
        }
        if (!model.name().equals(job.getModel())) {
            throw new RequestRejectedException(
                    "model_not_found",
                    "model",
                    "the model '"
                            + job.getModel()
                            + "' is not served here; this worker serves '"
                            + model.name()
                            + "'");
        }
        int[] promptTokenIds = encodePrompt(job).tokenIds();
        return new EngineRequest(
                requestId,
                promptTokenIds,
                resolveSampling(job, promptTokenIds.length),
                job.getPriority(),
                job.getDeadline() == null
                        ? EngineRequest.NO_DEADLINE
                        : job.getDeadline().toEpochMilli(),
                constraint(job.getConstraint()));
    }

    private static TextConstraint constraint(OutputConstraint asked) {
        return asked == null
                ? null
                : new TextConstraint(
                        TextConstraint.Kind.valueOf(asked.getKind().name()),
                        asked.getText(),
                        asked.getField());
    }

    /** The prompt as the model is given it: text and token ids. */
    public EncodedPrompt encodePrompt(PromptJob job) {
        if (job.getEndpoint() == Endpoint.CHAT_COMPLETIONS) {
            return encodeChat(job);
        }
        if (job.getPromptTokenIds() != null) {
            return model.prompts()
                    .tokens(job.getPromptTokenIds().stream().mapToInt(Integer::intValue).toArray());
        }
        if (job.getPrompt() == null) {
            throw new RequestRejectedException("invalid_request", "prompt", "prompt is missing");
        }
        return model.prompts().text(job.getPrompt());
    }

    /**
     * The seed that a job runs with: its own, or one derived from its id, so that a repeated run
     * gives the same text.
     */
    public static long seedOf(PromptJob job) {
        Long seed = job.getSampling().getSeed();
        return seed != null ? seed : stableHash(job.getJobId());
    }

    private EncodedPrompt encodeChat(PromptJob job) {
        if (job.getMessages().isEmpty()) {
            throw new RequestRejectedException(
                    "invalid_request", "messages", "messages is missing or empty");
        }
        List<Map<String, Object>> messages = new ArrayList<>(job.getMessages().size());
        for (ChatMessage message : job.getMessages()) {
            messages.add(messageAsJson(message, messages.size()));
        }
        List<Object> tools =
                job.getTools() == null ? null : parse(job.getTools(), JSON_ARRAY, "tools");
        Map<String, Object> variables =
                job.getChatTemplateKwargs() == null
                        ? Map.of()
                        : parse(job.getChatTemplateKwargs(), JSON_OBJECT, "chat_template_kwargs");
        return model.prompts().chat(messages, tools, variables);
    }

    private Map<String, Object> messageAsJson(ChatMessage message, int index) {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("role", message.getRole());
        if (message.getContent() != null) {
            members.put("content", message.getContent());
        }
        if (message.getExtra() != null) {
            members.putAll(parse(message.getExtra(), JSON_OBJECT, "messages[" + index + "]"));
        }
        return members;
    }

    private <T> T parse(String text, TypeReference<T> type, String param) {
        try {
            return json.readValue(text, type);
        } catch (JsonProcessingException e) {
            throw new RequestRejectedException(
                    "invalid_request",
                    param,
                    param + " is not the JSON it should be: " + e.getOriginalMessage());
        }
    }

    private dev.millrace.engine.api.SamplingParams resolveSampling(
            PromptJob job, int promptTokens) {
        SamplingParams asked = job.getSampling();
        GenerationDefaults defaults = model.defaults();
        int topK = or(asked.getTopK(), or(defaults.topK(), 0));
        return new dev.millrace.engine.api.SamplingParams(
                resolveMaxTokens(job, promptTokens),
                or(asked.getTemperature(), or(defaults.temperature(), 1.0)),
                or(asked.getTopP(), or(defaults.topP(), 1.0)),
                topK == -1 ? 0 : topK,
                or(asked.getMinP(), or(defaults.minP(), 0.0)),
                or(asked.getRepetitionPenalty(), or(defaults.repetitionPenalty(), 1.0)),
                or(asked.getPresencePenalty(), 0.0),
                or(asked.getFrequencyPenalty(), 0.0),
                logitBias(asked.getLogitBias()),
                or(asked.getLogprobs(), -1),
                asked.getStop(),
                asked.getStopTokenIds(),
                asked.getN(),
                seedOf(job),
                asked.getIgnoreEos(),
                asked.getSkipSpecialTokens());
    }

    private int resolveMaxTokens(PromptJob job, int promptTokens) {
        boolean isChat = job.getEndpoint() == Endpoint.CHAT_COMPLETIONS;
        int room = model.maxModelLen() - promptTokens;
        if (room < 1) {
            throw new RequestRejectedException(
                    "context_length_exceeded",
                    isChat ? "messages" : "prompt",
                    "the prompt has "
                            + promptTokens
                            + " tokens; the model's context of "
                            + model.maxModelLen()
                            + " tokens must hold it and at least one more");
        }
        Integer asked = job.getSampling().getMaxTokens();
        if (asked == null) {
            return isChat ? room : Math.min(room, DEFAULT_COMPLETION_TOKENS);
        }
        if (asked > room) {
            throw new RequestRejectedException(
                    "context_length_exceeded",
                    "max_tokens",
                    "the prompt has "
                            + promptTokens
                            + " tokens and max_tokens is "
                            + asked
                            + "; together they exceed the model's context of "
                            + model.maxModelLen()
                            + " tokens");
        }
        return asked;
    }

    private static Map<Integer, Float> logitBias(Map<String, Double> asked) {
        if (asked == null || asked.isEmpty()) {
            return Map.of();
        }
        Map<Integer, Float> biases = new HashMap<>();
        asked.forEach(
                (token, bias) -> {
                    try {
                        biases.put(Integer.valueOf(token), bias.floatValue());
                    } catch (NumberFormatException e) {
                        throw new RequestRejectedException(
                                "invalid_request",
                                "logit_bias",
                                "logit_bias names '" + token + "', which is no token id");
                    }
                });
        return biases;
    }

    /** FNV-1a over UTF-8, then SplitMix64's finaliser so that similar ids give unrelated seeds. */
    private static long stableHash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        hash = (hash ^ (hash >>> 30)) * 0xbf58476d1ce4e5b9L;
        hash = (hash ^ (hash >>> 27)) * 0x94d049bb133111ebL;
        return hash ^ (hash >>> 31);
    }

    private static <T> T or(T value, T otherwise) {
        return value != null ? value : otherwise;
    }
}
