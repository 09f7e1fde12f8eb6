package dev.millrace.sink.openai;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * Writes completions as lines of OpenAI's Batch files: UTF-8, one JSON object per line, '\n' after each.
 *
 * <pre>
 * {"id", "custom_id", "response", "error"} with
 *
 * status     file    response                                          error
 * COMPLETED  output  {"status_code":200,"request_id","body"}           null
 * FAILED     error   {"status_code":4xx,"request_id","body":{"error"}} {"message","type","param","code"}
 * EXPIRED    error   null                                              {"code":"batch_expired","message"}
 * CANCELLED  error   null                                              {"code":"batch_cancelled","message"}
 * </pre>
 *
 * A failed line carries its error twice: in the body, where an OpenAI client looks after an HTTP status, and
 * in {@code error}, where vLLM's batch runner puts it. Ids are functions of the job id, so that exporting
 * twice gives the same bytes. Partial text of an expired or cancelled job stays in the Completion record;
 * OpenAI's line has no room for it.
 *
 * <p>Source: OpenAI's Batch guide and the "request output object" of its API reference; vLLM's {@code
 * run_batch}. Not safe for use by several threads.
 */
public final class BatchLineWriter implements AutoCloseable {
    static final String EXPIRED_CODE = "batch_expired";
    static final String CANCELLED_CODE = "batch_cancelled";
    private static final String EXPIRED_MESSAGE =
            "This request could not be executed before its completion window expired.";
    private static final String CANCELLED_MESSAGE = "This request was cancelled before it was done.";

    private static final JsonFactory JSON = new JsonFactoryBuilder().rootValueSeparator((String) null)
            .build();

    private final OutputStream out;
    private final JsonGenerator json;
    private final LineIds ids = new LineIds();

    /** Lines go to {@code out}, which {@link #close} closes too; give it a buffer if it writes to a file. */
    public BatchLineWriter(OutputStream out) {
        this.out = out;
        try {
            this.json = JSON.createGenerator(out, JsonEncoding.UTF8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether the line belongs to the error file: everything that did not complete. */
    public static boolean belongsToErrorFile(Completion completion) {
        return completion.getStatus() != CompletionStatus.COMPLETED;
    }

    /** One line as text, without the line feed. */
    public static String toLine(Completion completion) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (BatchLineWriter writer = new BatchLineWriter(bytes)) {
            writer.write(completion);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toString(StandardCharsets.UTF_8).stripTrailing();
    }

    /** Writes one line. Throws what the underlying stream throws. */
    public void write(Completion completion) throws IOException {
        String digest = ids.digest(completion.getJobId());
        json.writeStartObject();
        json.writeStringField("id", "batch_req_" + digest);
        json.writeStringField("custom_id", Text.wellFormed(completion.getCustomId()));
        switch (completion.getStatus()) {
            case COMPLETED -> writeSuccess(completion, digest);
            case FAILED -> writeFailure(completion, digest);
            case EXPIRED -> writeUnfinished(completion, EXPIRED_CODE, EXPIRED_MESSAGE);
            case CANCELLED -> writeUnfinished(completion, CANCELLED_CODE, CANCELLED_MESSAGE);
        }
        json.writeEndObject();
        json.writeRaw('\n');
    }

    private void writeSuccess(Completion completion, String digest) throws IOException {
        startResponse(200, digest);
        if (completion.getEndpoint() == Endpoint.COMPLETIONS) {
            TextCompletionBody.write(json, completion, digest);
        } else {
            ChatCompletionBody.write(json, completion, digest);
        }
        json.writeEndObject();
        json.writeNullField("error");
    }

    private void writeFailure(Completion completion, String digest) throws IOException {
        ErrorInfo error = completion.getError();
        if (error == null) {
            error = new ErrorInfo("internal_error", "The job failed and no reason was recorded.", null);
        }
        startResponse(ErrorStatus.of(error.getCode()), digest);
        json.writeStartObject();
        writeError(error);
        json.writeEndObject();
        json.writeEndObject();
        writeError(error);
    }

    /**
     * A job that was never answered has no response; the batch's own code says why, the job's message tells
     * more if there is one.
     */
    private void writeUnfinished(Completion completion, String code, String message) throws IOException {
        json.writeNullField("response");
        ErrorInfo error = completion.getError();
        json.writeObjectFieldStart("error");
        json.writeStringField("code", code);
        json.writeStringField("message", error == null ? message : Text.wellFormed(error.getMessage()));
        json.writeEndObject();
    }

    private void startResponse(int status, String digest) throws IOException {
        json.writeObjectFieldStart("response");
        json.writeNumberField("status_code", status);
        json.writeStringField("request_id", "req_" + digest);
        json.writeFieldName("body");
    }

    private void writeError(ErrorInfo error) throws IOException {
        json.writeObjectFieldStart("error");
        json.writeStringField("message", Text.wellFormed(error.getMessage()));
        json.writeStringField("type", ErrorStatus.of(error.getCode()) >= 500 ? "server_error"
                : "invalid_request_error");
        json.writeStringField("param", Text.wellFormed(error.getParam()));
        json.writeStringField("code", Text.wellFormed(error.getCode()));
        json.writeEndObject();
    }

    /** Everything written so far has been handed to the stream, and the stream was flushed. */
    public void flush() throws IOException {
        json.flush();
        out.flush();
    }

    /** Flushes and closes the stream. */
    @Override
    public void close() throws IOException {
        json.close();
    }
}
