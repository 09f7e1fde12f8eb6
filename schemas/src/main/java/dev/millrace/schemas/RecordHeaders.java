package dev.millrace.schemas;

/**
 * Names of the record headers. Values are UTF-8 text. Headers say about a job what may be known
 * without reading it: who pays, which batch, how long the prompt is about. They never hold a prompt
 * or a part of one.
 */
public final class RecordHeaders {
    /** Who pays for the job. On prompts, ready records and completions. */
    public static final String TENANT = "millrace-tenant";

    /** The job's batch; absent when it has none. On the same. */
    public static final String BATCH = "millrace-batch";

    /** About how many tokens the prompt has, as a decimal number. On prompts and ready records. */
    public static final String PROMPT_TOKENS = "millrace-prompt-tokens";

    /**
     * W3C Trace Context: {@code 00-<trace id>-<span id>-<flags>}. Made at submission, on every
     * record of a job.
     */
    public static final String TRACEPARENT = "traceparent";

    /** W3C Trace Context: what tracing systems add; passed on as it is. */
    public static final String TRACESTATE = "tracestate";

    /** OpenTelemetry GenAI: {@code chat} or {@code text_completion}. */
    public static final String OPERATION_NAME = "gen_ai.operation.name";

    /** OpenTelemetry GenAI: the model that was asked for. */
    public static final String REQUEST_MODEL = "gen_ai.request.model";

    /** OpenTelemetry GenAI: the model that answered. On completions. */
    public static final String RESPONSE_MODEL = "gen_ai.response.model";

    /** OpenTelemetry GenAI: prompt tokens. On completions that used any. */
    public static final String INPUT_TOKENS = "gen_ai.usage.input_tokens";

    /** OpenTelemetry GenAI: generated tokens. On completions that used any. */
    public static final String OUTPUT_TOKENS = "gen_ai.usage.output_tokens";

    /** OpenTelemetry GenAI: prompt tokens out of the prefix cache. On completions that used any. */
    public static final String CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens";

    /** OpenTelemetry: the code of the error. On completions that failed. */
    public static final String ERROR_TYPE = "error.type";

    private RecordHeaders() {}

    /** The operation's name in OpenTelemetry's words. */
    public static String operationName(Endpoint endpoint) {
        return endpoint == Endpoint.CHAT_COMPLETIONS ? "chat" : "text_completion";
    }
}
