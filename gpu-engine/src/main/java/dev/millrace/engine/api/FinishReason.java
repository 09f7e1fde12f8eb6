package dev.millrace.engine.api;

/** Why a choice ended. */
public enum FinishReason {
    /** End-of-sequence token, a stop string or a stop token id. */
    STOP("stop"),
    /** maxTokens reached, or the context is full. */
    LENGTH("length"),
    /** Cut off by {@link Engine#cancel}; only in the partial results that it returns. */
    ABORT("abort");

    private final String openAiName;

    FinishReason(String openAiName) {
        this.openAiName = openAiName;
    }

    public String openAiName() {
        return openAiName;
    }
}
