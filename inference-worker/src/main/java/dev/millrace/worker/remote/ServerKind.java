package dev.millrace.worker.remote;

import static dev.millrace.worker.remote.RequestField.CHAT_TEMPLATE_KWARGS;
import static dev.millrace.worker.remote.RequestField.FREQUENCY_PENALTY;
import static dev.millrace.worker.remote.RequestField.IGNORE_EOS;
import static dev.millrace.worker.remote.RequestField.LOGIT_BIAS;
import static dev.millrace.worker.remote.RequestField.LOGPROBS;
import static dev.millrace.worker.remote.RequestField.MIN_P;
import static dev.millrace.worker.remote.RequestField.N;
import static dev.millrace.worker.remote.RequestField.PRESENCE_PENALTY;
import static dev.millrace.worker.remote.RequestField.PROMPT_TOKEN_IDS;
import static dev.millrace.worker.remote.RequestField.REPETITION_PENALTY;
import static dev.millrace.worker.remote.RequestField.RESPONSE_FORMAT;
import static dev.millrace.worker.remote.RequestField.RETURN_TOKEN_IDS;
import static dev.millrace.worker.remote.RequestField.SKIP_SPECIAL_TOKENS;
import static dev.millrace.worker.remote.RequestField.STOP_TOKEN_IDS;
import static dev.millrace.worker.remote.RequestField.STRUCTURED_OUTPUTS;
import static dev.millrace.worker.remote.RequestField.TOOLS;
import static dev.millrace.worker.remote.RequestField.TOP_K;

import dev.millrace.schemas.Endpoint;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a server does with the fields that OpenAI's API does not have, or that not every server has.
 * A field that a server would ignore is refused here, so that nobody gets an answer to another
 * question. docs/remote-engines.md shows the table and where it comes from.
 */
public enum ServerKind {
    VLLM("vllm", EnumSet.allOf(RequestField.class), EnumSet.allOf(RequestField.class)),
    SGLANG(
            "sglang",
            EnumSet.complementOf(EnumSet.of(RETURN_TOKEN_IDS, STRUCTURED_OUTPUTS)),
            EnumSet.complementOf(EnumSet.of(STRUCTURED_OUTPUTS))),
    TRTLLM(
            "tensorrt_llm",
            EnumSet.complementOf(EnumSet.of(RETURN_TOKEN_IDS, STRUCTURED_OUTPUTS)),
            EnumSet.complementOf(EnumSet.of(RETURN_TOKEN_IDS, STRUCTURED_OUTPUTS))),
    LLAMACPP(
            "llamacpp",
            EnumSet.complementOf(
                    EnumSet.of(
                            STOP_TOKEN_IDS,
                            SKIP_SPECIAL_TOKENS,
                            RETURN_TOKEN_IDS,
                            STRUCTURED_OUTPUTS)),
            EnumSet.complementOf(
                    EnumSet.of(
                            STOP_TOKEN_IDS,
                            SKIP_SPECIAL_TOKENS,
                            RETURN_TOKEN_IDS,
                            RESPONSE_FORMAT,
                            STRUCTURED_OUTPUTS))),
    TGI(
            "text-generation-inference",
            EnumSet.of(FREQUENCY_PENALTY, LOGPROBS, TOOLS),
            EnumSet.of(FREQUENCY_PENALTY, REPETITION_PENALTY)),
    LMDEPLOY(
            "lmdeploy",
            EnumSet.of(
                    TOP_K,
                    MIN_P,
                    REPETITION_PENALTY,
                    LOGIT_BIAS,
                    LOGPROBS,
                    IGNORE_EOS,
                    SKIP_SPECIAL_TOKENS,
                    RETURN_TOKEN_IDS,
                    TOOLS),
            EnumSet.of(
                    TOP_K,
                    MIN_P,
                    REPETITION_PENALTY,
                    LOGPROBS,
                    IGNORE_EOS,
                    SKIP_SPECIAL_TOKENS,
                    RETURN_TOKEN_IDS)),
    OPENAI(
            "openai",
            EnumSet.of(
                    PRESENCE_PENALTY,
                    FREQUENCY_PENALTY,
                    LOGIT_BIAS,
                    LOGPROBS,
                    N,
                    TOOLS,
                    RESPONSE_FORMAT),
            EnumSet.of(
                    PRESENCE_PENALTY,
                    FREQUENCY_PENALTY,
                    LOGIT_BIAS,
                    LOGPROBS,
                    N,
                    PROMPT_TOKEN_IDS));

    private final String owner;
    private final Set<RequestField> chat;
    private final Set<RequestField> completions;

    ServerKind(String owner, Set<RequestField> chat, Set<RequestField> completions) {
        this.owner = owner;
        EnumSet<RequestField> chatFields = EnumSet.copyOf(chat);
        // A conversation has no token ids, a plain prompt no template.
        chatFields.remove(PROMPT_TOKEN_IDS);
        EnumSet<RequestField> textFields = EnumSet.copyOf(completions);
        textFields.removeAll(EnumSet.of(TOOLS, CHAT_TEMPLATE_KWARGS));
        this.chat = Set.copyOf(chatFields);
        this.completions = Set.copyOf(textFields);
    }

    /** Whether the server honours the field on this endpoint. */
    public boolean knows(RequestField field, Endpoint endpoint) {
        return (endpoint == Endpoint.CHAT_COMPLETIONS ? chat : completions).contains(field);
    }

    /**
     * The kind that names itself so as the owner of a model in GET /v1/models; OPENAI for all
     * others.
     */
    static ServerKind ofOwner(String ownedBy) {
        return Arrays.stream(values())
                .filter(kind -> kind.owner.equals(ownedBy))
                .findFirst()
                .orElse(OPENAI);
    }

    /**
     * The kind of this name.
     *
     * @throws IllegalArgumentException naming all kinds
     */
    public static ServerKind named(String name) {
        return Arrays.stream(values())
                .filter(kind -> kind.toString().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "server kind '" + name + "' is none of auto, " + names()));
    }

    private static String names() {
        return Arrays.stream(values()).map(ServerKind::toString).collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
