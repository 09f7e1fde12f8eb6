package dev.millrace.worker.remote;

import java.util.Locale;

/**
 * Request fields that not every server has; max_tokens, temperature, top_p, stop and seed are
 * everywhere.
 */
public enum RequestField {
    TOP_K,
    MIN_P,
    REPETITION_PENALTY,
    PRESENCE_PENALTY,
    FREQUENCY_PENALTY,
    LOGIT_BIAS,
    LOGPROBS,
    STOP_TOKEN_IDS,
    N,
    IGNORE_EOS,
    SKIP_SPECIAL_TOKENS,
    RETURN_TOKEN_IDS,
    TOOLS,
    CHAT_TEMPLATE_KWARGS,
    PROMPT_TOKEN_IDS,
    RESPONSE_FORMAT,
    STRUCTURED_OUTPUTS;

    /** As the job's author wrote it in the request body. */
    public String jsonName() {
        return this == PROMPT_TOKEN_IDS ? "prompt" : name().toLowerCase(Locale.ROOT);
    }
}
