package dev.millrace.ingest;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.RecordHeaders;
import dev.millrace.schemas.TraceContext;

import org.apache.kafka.common.header.Headers;

import java.nio.charset.StandardCharsets;

/**
 * The headers of a job's record: what lag and traces need, so that nobody has to read a prompt to
 * count it.
 */
public final class JobHeaders {
    /** English text in the tokenizers of the supported families; other text has fewer. */
    private static final int CHARS_PER_TOKEN = 4;

    /** Role and turn markers of the usual chat templates. */
    private static final int TOKENS_PER_MESSAGE = 4;

    private JobHeaders() {}

    /**
     * Says who pays, which batch, about how many tokens and which model; replaces what was there.
     */
    public static void describe(PromptJob job, Headers headers) {
        set(headers, RecordHeaders.TENANT, job.getTenant());
        if (job.getBatchId().isEmpty()) {
            headers.remove(RecordHeaders.BATCH);
        } else {
            set(headers, RecordHeaders.BATCH, job.getBatchId());
        }
        set(headers, RecordHeaders.PROMPT_TOKENS, Long.toString(promptTokens(job)));
        set(headers, RecordHeaders.REQUEST_MODEL, job.getModel());
        set(headers, RecordHeaders.OPERATION_NAME, RecordHeaders.operationName(job.getEndpoint()));
    }

    /** Begins the job's trace, unless the record belongs to one already. */
    public static void trace(PromptJob job, Headers headers) {
        if (headers.lastHeader(RecordHeaders.TRACEPARENT) == null) {
            String submission =
                    job.getSubmissionId().isEmpty() ? job.getJobId() : job.getSubmissionId();
            set(
                    headers,
                    RecordHeaders.TRACEPARENT,
                    TraceContext.traceparent(submission, job.getJobId()));
        }
    }

    /**
     * About how many tokens the prompt has: exact for token ids, a quarter of the characters for
     * text. At least 1. Rates are measured in the same unit, so a constant error cancels out of
     * times.
     */
    public static long promptTokens(PromptJob job) {
        if (job.getPromptTokenIds() != null) {
            return Math.max(1, job.getPromptTokenIds().size());
        }
        long chars = length(job.getPrompt()) + length(job.getTools());
        for (ChatMessage message : job.getMessages()) {
            chars += length(message.getContent()) + (long) TOKENS_PER_MESSAGE * CHARS_PER_TOKEN;
        }
        return Math.max(1, chars / CHARS_PER_TOKEN);
    }

    private static int length(String text) {
        return text == null ? 0 : text.length();
    }

    private static void set(Headers headers, String name, String value) {
        headers.remove(name).add(name, value.getBytes(StandardCharsets.UTF_8));
    }
}
