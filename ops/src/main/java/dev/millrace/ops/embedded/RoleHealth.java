package dev.millrace.ops.embedded;

import dev.millrace.ingest.IngestApp;
import dev.millrace.sink.SinkApp;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerState;

/** Why a role does not work, as readiness reports it; null when it does. */
public final class RoleHealth {
    private RoleHealth() {}

    public static String notReady(IngestApp ingest) {
        return ingest.isHealthy() ? null : "ingest is " + ingest.state();
    }

    public static String notReady(WorkerApp worker) {
        return worker.state() == WorkerState.RUNNING ? null : "worker is " + worker.state();
    }

    public static String notReady(SinkApp sink) {
        return sink.notReady();
    }
}
