package dev.millrace.schemas;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** The headers of a job's completion, whichever role ends the job. */
public final class CompletionHeaders {
    /** W3C trace context; an answer carries what its job came with. */
    private static final List<String> TRACE =
            List.of(RecordHeaders.TRACEPARENT, RecordHeaders.TRACESTATE);

    private CompletionHeaders() {}

    /**
     * The job's trace, and OpenTelemetry's GenAI attributes of its ending.
     *
     * @param job headers of the job's record
     */
    public static Headers of(Completion completion, Headers job) {
        Headers headers = traceOf(job);
        set(headers, RecordHeaders.TENANT, completion.getTenant());
        if (!completion.getBatchId().isEmpty()) {
            set(headers, RecordHeaders.BATCH, completion.getBatchId());
        }
        set(
                headers,
                RecordHeaders.OPERATION_NAME,
                RecordHeaders.operationName(completion.getEndpoint()));
        set(headers, RecordHeaders.RESPONSE_MODEL, completion.getModel());
        Usage usage = completion.getUsage();
        if (usage != null) {
            set(headers, RecordHeaders.INPUT_TOKENS, Long.toString(usage.getPromptTokens()));
            set(headers, RecordHeaders.OUTPUT_TOKENS, Long.toString(usage.getCompletionTokens()));
            set(headers, RecordHeaders.CACHE_READ_TOKENS, Long.toString(usage.getCachedTokens()));
        }
        if (completion.getError() != null) {
            set(headers, RecordHeaders.ERROR_TYPE, completion.getError().getCode());
        }
        return headers;
    }

    /** The trace alone, for what is no completion. */
    public static Headers traceOf(Headers job) {
        Headers trace = new org.apache.kafka.common.header.internals.RecordHeaders();
        for (String name : TRACE) {
            Header header = job.lastHeader(name);
            if (header != null) {
                trace.add(header);
            }
        }
        return trace;
    }

    private static void set(Headers headers, String name, String value) {
        headers.add(name, value.getBytes(StandardCharsets.UTF_8));
    }
}
