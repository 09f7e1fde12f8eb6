package dev.millrace.ingest.openai;

import static java.util.Map.entry;

import dev.millrace.ingest.SamplingRules;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the body of a request line, field by field: each is read by its reader in the tables below,
 * is neutral ({@link NeutralFields}), or is an error that names it. An explicit null is the same as
 * an absent field.
 */
final class BodyReader {
    /** Reads one field into the draft. */
    private interface Reader {
        void read(JsonField field, Draft draft);
    }

    private static final Map<String, Reader> BOTH =
            Map.ofEntries(
                    entry("model", (f, d) -> d.job.setModel(f.nonEmptyText())),
                    entry("max_tokens", (f, d) -> d.maxTokens = f.int32()),
                    entry("max_completion_tokens", (f, d) -> d.maxCompletionTokens = f.int32()),
                    entry("temperature", (f, d) -> d.sampling.setTemperature(f.number())),
                    entry("top_p", (f, d) -> d.sampling.setTopP(f.number())),
                    entry("top_k", (f, d) -> d.sampling.setTopK(f.int32())),
                    entry("min_p", (f, d) -> d.sampling.setMinP(f.number())),
                    entry(
                            "repetition_penalty",
                            (f, d) -> d.sampling.setRepetitionPenalty(f.number())),
                    entry("presence_penalty", (f, d) -> d.sampling.setPresencePenalty(f.number())),
                    entry(
                            "frequency_penalty",
                            (f, d) -> d.sampling.setFrequencyPenalty(f.number())),
                    entry("logit_bias", (f, d) -> d.sampling.setLogitBias(logitBias(f))),
                    entry("stop", (f, d) -> d.sampling.setStop(stop(f))),
                    entry(
                            "stop_token_ids",
                            (f, d) ->
                                    d.sampling.setStopTokenIds(
                                            f.items().stream().map(JsonField::tokenId).toList())),
                    entry("n", (f, d) -> d.sampling.setN(f.int32())),
                    entry("seed", (f, d) -> d.sampling.setSeed(f.int64())),
                    entry("ignore_eos", (f, d) -> d.sampling.setIgnoreEos(f.bool())),
                    entry("return_token_ids", (f, d) -> d.sampling.setReturnTokenIds(f.bool())),
                    entry(
                            "skip_special_tokens",
                            (f, d) -> d.sampling.setSkipSpecialTokens(f.bool())),
                    entry(
                            "response_format",
                            (f, d) -> ConstraintReader.responseFormat(f, d.job)),
                    entry(
                            "structured_outputs",
                            (f, d) -> ConstraintReader.structuredOutputs(f, d.job)),
                    entry("guided_json", (f, d) -> ConstraintReader.json(f, d.job)),
                    entry("guided_regex", (f, d) -> ConstraintReader.regex(f, d.job)),
                    entry("guided_choice", (f, d) -> ConstraintReader.choice(f, d.job)),
                    entry("metadata", (f, d) -> d.metadata.putAll(metadata(f))),
                    entry("user", (f, d) -> d.user = f.text()),
                    entry("priority", BodyReader::priority));

    private static final Map<String, Reader> CHAT =
            with(
                    Map.of(
                            "messages", (f, d) -> d.job.setMessages(MessageReader.readAll(f)),
                            "shared_prefix_id", (f, d) -> d.job.setSharedPrefixId(f.nonEmptyText()),
                            "tools", (f, d) -> d.job.setTools(tools(f)),
                            "chat_template_kwargs",
                                    (f, d) ->
                                            d.job.setChatTemplateKwargs(
                                                    f.object().value().toString()),
                            "logprobs", (f, d) -> d.chatLogprobs = f.bool(),
                            "top_logprobs", (f, d) -> d.topLogprobs = f.int32()));

    private static final Map<String, Reader> COMPLETIONS =
            with(
                    Map.of(
                            "prompt", (f, d) -> PromptReader.readInto(f, d.job),
                            "logprobs", (f, d) -> d.sampling.setLogprobs(f.int32()),
                            "best_of", (f, d) -> d.bestOf = f.int32()));

    /** What the fields of a body say, before the checks that need more than one of them. */
    private static final class Draft {
        final PromptJob.Builder job;
        final SamplingParams.Builder sampling = SamplingParams.newBuilder();
        final Map<String, String> metadata = new LinkedHashMap<>();
        Integer maxTokens;
        Integer maxCompletionTokens;
        Boolean chatLogprobs;
        Integer topLogprobs;
        Integer bestOf;
        String user;

        Draft(PromptJob.Builder job) {
            this.job = job;
        }
    }

    private BodyReader() {}

    /**
     * Reads the body into the job, whose ids and endpoint are set already; throws {@link
     * FieldException}.
     */
    static void readInto(JsonField body, PromptJob.Builder job) {
        Endpoint endpoint = job.getEndpoint();
        Map<String, Reader> readers = endpoint == Endpoint.CHAT_COMPLETIONS ? CHAT : COMPLETIONS;
        Draft draft = new Draft(job);
        for (String name : (Iterable<String>) body.object().value()::fieldNames) {
            JsonField field = body.member(name);
            Reader reader = readers.get(name);
            if (reader == null && !NeutralFields.knows(name, endpoint)) {
                throw new FieldException(
                        ErrorCodes.UNKNOWN,
                        field.path(),
                        field.path() + " is not a field that is known here");
            }
            if (field.value().isNull()) {
                continue;
            }
            if (reader == null) {
                NeutralFields.check(field, name, endpoint);
            } else {
                reader.read(field, draft);
            }
        }
        require(job.hasModel(), body, "model");
        finish(body, draft);
    }

    private static void finish(JsonField body, Draft draft) {
        PromptJob.Builder job = draft.job;
        if (job.getEndpoint() == Endpoint.CHAT_COMPLETIONS) {
            require(job.hasMessages() || job.hasSharedPrefixId(), body, "messages");
            draft.sampling.setLogprobs(chatLogprobs(body, draft));
        } else {
            require(job.getPrompt() != null || job.getPromptTokenIds() != null, body, "prompt");
        }
        if (draft.maxTokens != null
                && draft.maxCompletionTokens != null
                && !draft.maxTokens.equals(draft.maxCompletionTokens)) {
            throw new FieldException(
                    ErrorCodes.INVALID_VALUE,
                    body.path() + ".max_completion_tokens",
                    "body.max_completion_tokens is %d but body.max_tokens is %d; give one of them"
                            .formatted(draft.maxCompletionTokens, draft.maxTokens));
        }
        draft.sampling.setMaxTokens(
                draft.maxTokens != null ? draft.maxTokens : draft.maxCompletionTokens);
        String kept = draft.user == null ? null : draft.metadata.putIfAbsent("user", draft.user);
        if (kept != null && !kept.equals(draft.user)) {
            throw new FieldException(
                    ErrorCodes.INVALID_VALUE,
                    body.path() + ".user",
                    "body.user differs from body.metadata.user, where it is kept");
        }
        SamplingParams sampling = draft.sampling.build();
        if (draft.bestOf != null && draft.bestOf != sampling.getN()) {
            throw new FieldException(
                    ErrorCodes.UNSUPPORTED_VALUE,
                    body.path() + ".best_of",
                    "body.best_of %d is not supported; only the value of n (%d) is"
                            .formatted(draft.bestOf, sampling.getN()));
        }
        ErrorInfo problem = SamplingRules.firstProblem(sampling, job.getEndpoint());
        if (problem != null) {
            throw new FieldException(problem.getCode(), problem.getParam(), problem.getMessage());
        }
        job.setSampling(sampling);
        job.setMetadata(draft.metadata);
    }

    /** OpenAI's two chat fields as the one number that the contract holds. */
    private static Integer chatLogprobs(JsonField body, Draft draft) {
        if (Boolean.TRUE.equals(draft.chatLogprobs)) {
            return draft.topLogprobs == null ? 0 : draft.topLogprobs;
        }
        if (draft.topLogprobs != null && draft.topLogprobs != 0) {
            throw new FieldException(
                    ErrorCodes.INVALID_VALUE,
                    body.path() + ".top_logprobs",
                    "body.top_logprobs is %d but body.logprobs is not true"
                            .formatted(draft.topLogprobs));
        }
        return null;
    }

    /** vLLM's meaning: lower runs earlier. The contract's is the opposite. */
    private static void priority(JsonField field, Draft draft) {
        int priority = field.int32();
        if (priority == Integer.MIN_VALUE) {
            throw field.wrongValue("must be above " + Integer.MIN_VALUE, field.shown());
        }
        draft.job.setPriority(-priority);
    }

    private static Map<String, Double> logitBias(JsonField field) {
        Map<String, Double> biases = new LinkedHashMap<>();
        for (String tokenId : (Iterable<String>) field.object().value()::fieldNames) {
            biases.put(tokenId, field.member(tokenId).number());
        }
        return biases;
    }

    private static List<String> stop(JsonField field) {
        if (field.value().isTextual()) {
            return List.of(field.text());
        }
        if (!field.value().isArray()) {
            throw field.wrongType("a string or a list of strings");
        }
        return field.items().stream().map(JsonField::text).toList();
    }

    private static String tools(JsonField field) {
        field.items().forEach(JsonField::object);
        return field.value().isEmpty() ? null : field.value().toString();
    }

    private static Map<String, String> metadata(JsonField field) {
        Map<String, String> pairs = new LinkedHashMap<>();
        for (String key : (Iterable<String>) field.object().value()::fieldNames) {
            pairs.put(key, field.member(key).text());
        }
        return pairs;
    }

    private static void require(boolean given, JsonField body, String name) {
        if (!given) {
            String path = body.path() + "." + name;
            throw new FieldException(ErrorCodes.MISSING, path, path + " is missing");
        }
    }

    private static Map<String, Reader> with(Map<String, Reader> own) {
        Map<String, Reader> all = new HashMap<>(BOTH);
        all.putAll(own);
        return Map.copyOf(all);
    }
}
