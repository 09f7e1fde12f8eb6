package dev.millrace.sink;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.serde.AvroSerde;

import org.apache.kafka.common.serialization.Serde;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Records as the roles before the sink write them. */
public final class SinkFixtures {
    public static final Instant T0 = Instant.parse("2026-01-02T03:04:05Z");

    private SinkFixtures() {}

    public static Instant at(long seconds) {
        return T0.plusSeconds(seconds);
    }

    public static BatchEvent opened(String batch, String run) {
        return event(batch, BatchEventKind.OPENED).setSubmissionId(run).setAt(T0).build();
    }

    public static BatchEvent sealed(String batch, String run, long lines) {
        return event(batch, BatchEventKind.SEALED)
                .setSubmissionId(run)
                .setLines(lines)
                .setAt(at(1))
                .build();
    }

    public static BatchEvent tally(
            String batch, String run, String source, long admitted, long duplicates) {
        return event(batch, BatchEventKind.TALLY)
                .setSubmissionId(run)
                .setSource(source)
                .setAdmitted(admitted)
                .setDuplicates(duplicates)
                .setAt(at(2))
                .build();
    }

    public static BatchEvent finished(String batch, CompletionStatus status) {
        return event(batch, BatchEventKind.FINISHED)
                .setStatus(status)
                .setUsage(new Usage(10, 4, 3))
                .setAt(at(3))
                .build();
    }

    public static BatchEvent cancelRequested(String batch) {
        return event(batch, BatchEventKind.CANCEL_REQUESTED).setAt(at(2)).build();
    }

    public static ControlCommand cancel(String batch, String job) {
        return ControlCommand.newBuilder()
                .setCommandId("c")
                .setKind(ControlKind.CANCEL)
                .setBatchId(batch)
                .setJobId(job)
                .setAt(at(2))
                .build();
    }

    private static BatchEvent.Builder event(String batch, BatchEventKind kind) {
        return BatchEvent.newBuilder().setBatchId(batch).setKind(kind);
    }

    /**
     * A chat completion that says "four" and cost 10 prompt tokens (4 of them cached) and 3
     * generated ones.
     */
    public static Completion completion(String batch, String customId) {
        return ended(batch, customId, CompletionStatus.COMPLETED)
                .setChoices(List.of(choice("four").build()))
                .build();
    }

    public static Completion failure(String batch, String customId, String code, String message) {
        return ended(batch, customId, CompletionStatus.FAILED)
                .setUsage(null)
                .setError(new ErrorInfo(code, message, "body.temperature"))
                .build();
    }

    public static Completion.Builder ended(String batch, String customId, CompletionStatus status) {
        return Completion.newBuilder()
                .setJobId(batch + "/" + customId)
                .setCustomId(customId)
                .setBatchId(batch)
                .setModel("demo")
                .setEndpoint(Endpoint.CHAT_COMPLETIONS)
                .setStatus(status)
                .setUsage(new Usage(10, 4, 3))
                .setCreatedAt(T0)
                .setFinishedAt(at(3));
    }

    public static BatchProgress.Builder progress(String batch, BatchStatus status) {
        return BatchProgress.newBuilder()
                .setBatchId(batch)
                .setStatus(status)
                .setCreatedAt(T0)
                .setUpdatedAt(at(3));
    }

    /** A serde against a registry in this JVM. */
    public static <T> Serde<T> serde(Class<T> type) {
        return AvroSerde.forValues(type, Map.of("schema.registry.url", "mock://sink-tests"));
    }

    public static Choice.Builder choice(String text) {
        return Choice.newBuilder().setIndex(0).setText(text).setFinishReason("stop");
    }
}
