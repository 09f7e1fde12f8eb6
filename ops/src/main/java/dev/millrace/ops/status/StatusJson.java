package dev.millrace.ops.status;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;

import dev.millrace.ops.status.TopicLag.PartitionLag;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.WorkerStats;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * A snapshot as one JSON object on one line. Instants are Unix seconds, as in OpenAI's API; what is
 * not known is null.
 */
public final class StatusJson {
    private static final JsonFactory JSON = new JsonFactory();

    private StatusJson() {}

    /** The whole status. */
    public static String text(StatusSnapshot status) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            writeInstant(json, "at", status.at());
            json.writeArrayFieldStart("batches");
            for (BatchRow batch : status.batches()) {
                writeBatch(json, batch);
            }
            json.writeEndArray();
            json.writeStringField("pool", status.pool());
            json.writeArrayFieldStart("workers");
            for (WorkerRow worker : status.workers()) {
                writeWorker(json, worker);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("lag");
            for (TopicLag lag : status.lags()) {
                writeLag(json, lag);
            }
            json.writeEndArray();
            json.writeObjectFieldStart("throughput");
            json.writeNumberField("jobs_per_second", status.jobsPerSecond());
            json.writeNumberField("prompt_tokens_per_second", status.promptTokensPerSecond());
            json.writeNumberField(
                    "completion_tokens_per_second", status.completionTokensPerSecond());
            writeOptional(json, "cached_share", status.cachedShare());
            writeOptional(json, "ideal_cached_share", status.idealCachedShare());
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private static void writeBatch(JsonGenerator json, BatchRow batch) throws IOException {
        BatchProgress progress = batch.progress();
        json.writeStartObject();
        json.writeStringField("id", progress.getBatchId());
        json.writeStringField("tenant", progress.getTenant());
        json.writeStringField("status", progress.getStatus().name().toLowerCase(Locale.ROOT));
        json.writeObjectFieldStart("request_counts");
        json.writeNumberField("total", progress.getTotal());
        json.writeNumberField("completed", progress.getCompleted());
        json.writeNumberField("failed", progress.getFailed());
        json.writeNumberField("expired", progress.getExpired());
        json.writeNumberField("cancelled", progress.getCancelled());
        json.writeNumberField("duplicates", progress.getDuplicates());
        json.writeEndObject();
        json.writeObjectFieldStart("usage");
        json.writeNumberField("prompt_tokens", progress.getPromptTokens());
        json.writeNumberField("cached_tokens", progress.getCachedTokens());
        json.writeNumberField("completion_tokens", progress.getCompletionTokens());
        json.writeEndObject();
        json.writeStringField("hold_reason", batch.holdReason());
        writeOptional(json, "jobs_per_second", batch.jobsPerSecond());
        writeOptional(json, "seconds_left", batch.secondsLeft());
        writeInstant(json, "created_at", progress.getCreatedAt());
        writeInstant(json, "in_progress_at", progress.getInProgressAt());
        writeInstant(json, "completed_at", progress.getCompletedAt());
        writeInstant(json, "expired_at", progress.getExpiredAt());
        writeInstant(json, "cancelled_at", progress.getCancelledAt());
        json.writeEndObject();
    }

    private static void writeWorker(JsonGenerator json, WorkerRow worker) throws IOException {
        WorkerStats stats = worker.stats();
        json.writeStartObject();
        json.writeStringField("id", stats.getWorkerId());
        json.writeStringField("state", worker.state().toLowerCase(Locale.ROOT));
        json.writeStringField("model", stats.getModel());
        json.writeStringField("device", stats.getDevice());
        json.writeStringField("hold_reason", stats.getHoldReason());
        json.writeArrayFieldStart("partitions");
        for (int partition : stats.getAssignedPartitions()) {
            json.writeNumber(partition);
        }
        json.writeEndArray();
        json.writeNumberField("running", stats.getRunning());
        json.writeNumberField("waiting", stats.getWaiting());
        json.writeNumberField("unfinished", stats.getUnfinished());
        json.writeNumberField("kv_blocks_used", stats.getKvBlocksUsed());
        json.writeNumberField("kv_blocks_total", stats.getKvBlocksTotal());
        json.writeNumberField("jobs_finished", stats.getJobsFinished());
        json.writeNumberField("preemptions", stats.getPreemptions());
        json.writeNumberField("prompt_tokens_per_second", stats.getPromptTokensPerSecond());
        json.writeNumberField("completion_tokens_per_second", stats.getCompletionTokensPerSecond());
        writeInstant(json, "started_at", stats.getStartedAt());
        writeInstant(json, "seen_at", stats.getAt());
        json.writeEndObject();
    }

    private static void writeLag(JsonGenerator json, TopicLag lag) throws IOException {
        json.writeStartObject();
        json.writeStringField("topic", lag.topic());
        json.writeStringField("group", lag.group());
        json.writeNumberField("records", lag.records());
        json.writeNumberField("committed_lag", lag.committedLag());
        json.writeArrayFieldStart("partitions");
        for (PartitionLag partition : lag.partitions()) {
            json.writeStartObject();
            json.writeNumberField("partition", partition.partition());
            json.writeNumberField("log_end", partition.logEnd());
            json.writeNumberField("low_water", partition.lowWater());
            json.writeNumberField("finished_ahead", partition.finishedAhead());
            json.writeNumberField("records", partition.records());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeOptional(JsonGenerator json, String name, OptionalDouble value)
            throws IOException {
        if (value.isPresent()) {
            json.writeNumberField(name, value.getAsDouble());
        } else {
            json.writeNullField(name);
        }
    }

    private static void writeInstant(JsonGenerator json, String name, Instant instant)
            throws IOException {
        if (instant == null) {
            json.writeNullField(name);
        } else {
            json.writeNumberField(name, instant.getEpochSecond());
        }
    }
}
