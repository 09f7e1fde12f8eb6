package dev.millrace.worker;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Life of a worker; the legal moves are named here and nowhere else. */
public enum WorkerState {
    /** Loads the model and makes its clients. */
    STARTING,
    /** Takes jobs and answers them. */
    RUNNING,
    /** Takes no more jobs, finishes those inside. */
    DRAINING,
    /** Has left the group; final. */
    STOPPED;

    private static final Map<WorkerState, Set<WorkerState>> MOVES = Map.of(
            STARTING, EnumSet.of(RUNNING, STOPPED),
            RUNNING, EnumSet.of(DRAINING, STOPPED),
            DRAINING, EnumSet.of(STOPPED),
            STOPPED, EnumSet.noneOf(WorkerState.class));

    public boolean canMoveTo(WorkerState next) {
        return MOVES.get(this).contains(next);
    }

    /** @throws IllegalStateException for a move that is not legal */
    public WorkerState moveTo(WorkerState next) {
        if (!canMoveTo(next)) {
            throw new IllegalStateException("a worker cannot go from " + this + " to " + next);
        }
        return next;
    }
}
