package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.gateway.Batch.Counts;
import dev.millrace.ops.gateway.Batch.Tokens;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;

import java.util.List;
import java.util.Locale;

/** OpenAI's batch object, as its API reference describes it. */
final class BatchJson {
    private static final List<BatchStatus> STAMPED =
            List.of(
                    BatchStatus.IN_PROGRESS,
                    BatchStatus.FINALIZING,
                    BatchStatus.COMPLETED,
                    BatchStatus.FAILED,
                    BatchStatus.EXPIRED,
                    BatchStatus.CANCELLING,
                    BatchStatus.CANCELLED);

    private BatchJson() {}

    /**
     * @param progress what is known of the running jobs; null for nothing yet
     */
    static ObjectNode of(Batch batch, BatchProgress progress) {
        boolean live = progress != null && !batch.hasEnded();
        Counts counts = live ? liveCounts(batch, progress) : batch.counts;
        if (!live && !batch.hasEnded()) {
            counts = new Counts(batch.lines, 0, 0);
        }
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("id", batch.id)
                .put("object", "batch")
                .put("endpoint", batch.request.endpoint())
                .put("model", batch.model)
                .put("input_file_id", batch.request.inputFileId())
                .put("completion_window", batch.request.completionWindow())
                .put("status", name(batch.status))
                .put("output_file_id", batch.results.outputFileId())
                .put("error_file_id", batch.results.errorFileId())
                .put("created_at", batch.createdAt);
        for (BatchStatus status : STAMPED) {
            json.put(name(status) + "_at", batch.reachedAt.get(status));
        }
        json.put("expires_at", batch.expiresAt().getEpochSecond());
        json.putObject("request_counts")
                .put("total", counts.total())
                .put("completed", counts.completed())
                .put("failed", counts.failed());
        putUsage(json, live ? Tokens.of(progress) : batch.tokens);
        putErrors(json, batch);
        putMetadata(json, batch);
        return json;
    }

    /** While lines are still being published, more of them are known here than behind. */
    private static Counts liveCounts(Batch batch, BatchProgress progress) {
        Counts counts = Batch.counts(progress);
        // A run that begins again repeats the lines of the one before; those are no fewer jobs.
        boolean onlyRun = progress.getSubmissions().size() == 1;
        long repeated = onlyRun ? progress.getDuplicates() : 0;
        long total = Math.max(counts.total(), batch.lines - repeated);
        return new Counts(total, counts.completed(), counts.failed());
    }

    static String name(BatchStatus status) {
        return status.name().toLowerCase(Locale.ROOT);
    }

    private static void putUsage(ObjectNode json, Tokens tokens) {
        ObjectNode usage = json.putObject("usage");
        usage.put("input_tokens", tokens.input());
        usage.putObject("input_tokens_details").put("cached_tokens", tokens.cached());
        usage.put("output_tokens", tokens.output());
        usage.putObject("output_tokens_details").put("reasoning_tokens", 0);
        usage.put("total_tokens", tokens.input() + tokens.output());
    }

    private static void putErrors(ObjectNode json, Batch batch) {
        if (batch.problems.isEmpty()) {
            json.putNull("errors");
            return;
        }
        ArrayNode data = json.putObject("errors").put("object", "list").putArray("data");
        for (Batch.Problem problem : batch.problems) {
            data.addObject()
                    .put("code", problem.code())
                    .put("line", problem.line())
                    .put("message", problem.message())
                    .put("param", problem.param());
        }
    }

    private static void putMetadata(ObjectNode json, Batch batch) {
        if (batch.request.metadata().isEmpty()) {
            json.putNull("metadata");
            return;
        }
        ObjectNode metadata = json.putObject("metadata");
        batch.request.metadata().forEach(metadata::put);
    }
}
