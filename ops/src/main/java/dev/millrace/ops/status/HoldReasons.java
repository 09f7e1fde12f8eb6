package dev.millrace.ops.status;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.ControlKind;
import dev.millrace.sink.progress.BatchStatuses;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Why an open batch does not move, as far as orders and workers tell. */
final class HoldReasons {
    private HoldReasons() {}

    /**
     * What holds a batch, or null when nothing is known to: an order to pause it, no live worker in the pool,
     * or live workers of which none takes jobs.
     *
     * @param orders the topic {@code control} by key
     */
    static String of(BatchProgress batch, Map<String, ControlCommand> orders, List<WorkerRow> workers) {
        if (BatchStatuses.hasEnded(batch.getStatus())) {
            return null;
        }
        ControlCommand pause = orders.get(ControlKeys.ofBatch(batch.getBatchId(), ControlKind.PAUSE));
        if (pause != null && pause.getKind() == ControlKind.PAUSE) {
            return "paused by order";
        }
        List<WorkerRow> live = workers.stream().filter(WorkerRow::isLive).toList();
        if (live.isEmpty()) {
            return "no worker is live in the pool";
        }
        return live.stream().anyMatch(worker -> worker.stats().getHoldReason() == null)
                ? null
                : live.stream().map(HoldReasons::of).collect(Collectors.joining("; "));
    }

    /** The worker's own words behind its name. */
    static String of(WorkerRow worker) {
        return worker.stats().getWorkerId() + " takes no jobs: " + worker.stats().getHoldReason();
    }
}
