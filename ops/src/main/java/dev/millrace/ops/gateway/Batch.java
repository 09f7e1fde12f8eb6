package dev.millrace.ops.gateway;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;

import dev.millrace.ingest.submit.InputCheck;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;

import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The gateway's own record of a batch: what was asked for, and how far it is. Saved after each
 * move; {@link BatchStore} guards it.
 *
 * <pre>
 * VALIDATING → IN_PROGRESS → FINALIZING → COMPLETED | EXPIRED | CANCELLED
 *     │ │          │
 *     │ └──────────┴─→ CANCELLING → CANCELLED
 *     └→ FAILED
 * </pre>
 */
@JsonAutoDetect(
        fieldVisibility = Visibility.ANY,
        getterVisibility = Visibility.NONE,
        isGetterVisibility = Visibility.NONE)
final class Batch {
    private static final Map<BatchStatus, Set<BatchStatus>> MOVES =
            Map.of(
                    BatchStatus.VALIDATING,
                    Set.of(BatchStatus.IN_PROGRESS, BatchStatus.FAILED, BatchStatus.CANCELLING),
                    BatchStatus.IN_PROGRESS,
                    Set.of(BatchStatus.FINALIZING, BatchStatus.CANCELLING),
                    BatchStatus.FINALIZING,
                    Set.of(BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED),
                    BatchStatus.CANCELLING,
                    Set.of(BatchStatus.CANCELLED));

    /**
     * How many jobs there are; {@code failed} are all that ended without an answer.
     *
     * @param total as far as it is known
     */
    record Counts(long total, long completed, long failed) {}

    /** Tokens of the finished jobs; {@code cached} of the input came out of the prefix cache. */
    record Tokens(long input, long cached, long output) {
        static final Tokens NONE = new Tokens(0, 0, 0);

        static Tokens of(BatchProgress progress) {
            return new Tokens(
                    progress.getPromptTokens(),
                    progress.getCachedTokens(),
                    progress.getCompletionTokens());
        }
    }

    /** What is wrong; {@code line} and {@code param} may be null. */
    record Problem(String code, Long line, String message, String param) {
        static Problem of(InputCheck.Problem problem) {
            return new Problem(problem.code(), problem.line(), problem.message(), problem.param());
        }
    }

    /** The files that hold the results; either is null when it would be empty. */
    record Results(String outputFileId, String errorFileId) {
        static final Results NONE = new Results(null, null);
    }

    String id;
    String tenant;
    BatchRequest request;
    String idempotencyKey;
    long createdAt;
    BatchStatus status = BatchStatus.VALIDATING;

    /** When each status was reached, in seconds since 1970. */
    Map<BatchStatus, Long> reachedAt = new EnumMap<>(BatchStatus.class);

    /** The model that the file's first good line asks for; null before it was read. */
    String model;

    /** The newest run that publishes the file's lines; null before the first. */
    String submissionId;

    /** Whether that run has published all that it will. */
    boolean submitted;

    /** Lines that it has published. */
    long lines;

    Counts counts = new Counts(0, 0, 0);
    Tokens tokens = Tokens.NONE;
    Results results = Results.NONE;

    /**
     * Ids under which the results will be stored, so that an export that is begun again replaces
     * them.
     */
    Results planned;

    List<Problem> problems = List.of();

    /** For Jackson. */
    Batch() {}

    Batch(String id, String tenant, BatchRequest request, String idempotencyKey, Instant now) {
        this.id = id;
        this.tenant = tenant;
        this.request = request;
        this.idempotencyKey = idempotencyKey;
        this.createdAt = now.getEpochSecond();
    }

    /** Moves on; an illegal move throws. */
    void move(BatchStatus next, Instant now) {
        if (!MOVES.getOrDefault(status, Set.of()).contains(next)) {
            throw new IllegalStateException(
                    "batch " + id + " cannot go from " + status + " to " + next);
        }
        status = next;
        reachedAt.put(next, now.getEpochSecond());
    }

    /** No line can be answered. */
    void fail(List<Problem> reasons, Instant now) {
        problems = List.copyOf(reasons);
        move(BatchStatus.FAILED, now);
    }

    /** All jobs have ended and their lines are in files. */
    void end(BatchStatus how, BatchProgress progress, Results files, Instant now) {
        counts = counts(progress);
        tokens = Tokens.of(progress);
        results = files;
        move(how, now);
    }

    /** When the jobs expire. */
    Instant expiresAt() {
        return Instant.ofEpochSecond(createdAt + request.windowSeconds());
    }

    boolean hasEnded() {
        return !MOVES.containsKey(status);
    }

    /** Whether the background still reads the input file. */
    boolean readsInput() {
        return !submitted && !hasEnded();
    }

    /** Whether all that this batch's newest run has published has ended. */
    boolean isAnswered(BatchProgress progress) {
        var run = submissionId == null ? null : progress.getSubmissions().get(submissionId);
        return submitted && run != null && run.getSealed() && isOver(progress);
    }

    private static boolean isOver(BatchProgress progress) {
        return switch (progress.getStatus()) {
            case COMPLETED, EXPIRED, CANCELLED, FAILED -> true;
            case VALIDATING, IN_PROGRESS, FINALIZING, CANCELLING -> false;
        };
    }

    /** The counts that a batch's progress says. */
    static Counts counts(BatchProgress progress) {
        return new Counts(
                progress.getTotal(),
                progress.getCompleted(),
                progress.getFailed() + progress.getExpired() + progress.getCancelled());
    }
}
