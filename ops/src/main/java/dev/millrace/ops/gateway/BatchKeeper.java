package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;

import java.time.InstantSource;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * What goes on with batches in the background: publishing, following, cancelling, exporting. Picks
 * up after a restart whatever was under way.
 */
final class BatchKeeper implements AutoCloseable {
    private final BatchStore batches;
    private final InstantSource clock;
    private final Submissions submissions;
    private final CancelOrders orders;
    private final Exports exports;
    private final ProgressFollower follower;
    private final Map<String, BatchProgress> live = new ConcurrentHashMap<>();

    BatchKeeper(
            GatewayConfig config,
            FileStore files,
            BatchStore batches,
            Ids ids,
            InstantSource clock) {
        this.batches = batches;
        this.clock = clock;
        this.submissions = new Submissions(config, files, batches, clock);
        this.orders = new CancelOrders(config.clientProperties(), clock);
        this.exports = new Exports(config, files, batches, ids, clock);
        this.follower = new ProgressFollower(config.clientProperties(), clock, this::onProgress);
    }

    /** Goes on with what was under way, and follows from now on. */
    void start() {
        batches.ids(b -> b.status == BatchStatus.CANCELLING).forEach(this::cancelNow);
        batches.ids(Batch::readsInput).forEach(submissions::queue);
        follower.start();
    }

    /** Takes a new batch in. */
    void accept(String batchId) {
        submissions.queue(batchId);
    }

    /**
     * Cancels a batch; one that is cancelled already stays as it is.
     *
     * @throws ApiFailure when it has ended in another way
     */
    void cancel(String batchId) {
        boolean begun =
                batches.update(
                        batchId,
                        b -> {
                            switch (b.status) {
                                case VALIDATING, IN_PROGRESS ->
                                        b.move(BatchStatus.CANCELLING, clock.instant());
                                case CANCELLING, CANCELLED -> {
                                    return false;
                                }
                                default ->
                                        throw ApiFailure.conflict(
                                                "batch_not_cancellable",
                                                "Cannot cancel a batch with status '"
                                                        + BatchJson.name(b.status)
                                                        + "'.");
                            }
                            return true;
                        });
        if (begun) {
            cancelNow(batchId);
        }
    }

    private void cancelNow(String batchId) {
        boolean nothingPublished =
                batches.update(
                        batchId,
                        b -> {
                            if (b.submissionId == null) {
                                b.move(BatchStatus.CANCELLED, clock.instant());
                            }
                            return b.hasEnded();
                        });
        if (!nothingPublished) {
            submissions.stop(batchId);
            orders.send(batchId);
        }
    }

    private void onProgress(Function<String, BatchProgress> known) {
        for (String id : batches.ids(b -> !b.hasEnded())) {
            BatchProgress progress = known.apply(id);
            if (progress == null) {
                continue;
            }
            live.put(id, progress);
            BatchStatus status = batches.read(id, b -> b.status);
            if (progress.getCancellingAt() != null && status == BatchStatus.IN_PROGRESS) {
                // Somebody has cancelled it from outside, with the command line for one.
                cancel(id);
            }
            if (batches.read(id, b -> b.isAnswered(progress))) {
                finalizeNow(id);
            }
        }
        live.keySet().removeIf(id -> batches.read(id, Batch::hasEnded));
    }

    private void finalizeNow(String id) {
        if (batches.read(id, b -> b.status == BatchStatus.IN_PROGRESS)) {
            batches.update(
                    id,
                    b -> {
                        // A cancel may have come in between.
                        if (b.status == BatchStatus.IN_PROGRESS) {
                            b.move(BatchStatus.FINALIZING, clock.instant());
                        }
                        return b;
                    });
        }
        exports.queue(id);
    }

    /** OpenAI's object of a batch, as it is now. */
    ObjectNode toJson(Batch batch) {
        return batches.read(batch.id, b -> BatchJson.of(b, live.get(b.id)));
    }

    /** Names of the models that live workers answer for. */
    Set<String> models() {
        return follower.models();
    }

    /** Whether the state of all batches is known. */
    boolean isCaughtUp() {
        return follower.isCaughtUp();
    }

    /** Stops everything; what is under way goes on at the next start. */
    @Override
    public void close() {
        follower.close();
        submissions.close();
        exports.close();
        orders.close();
    }
}
