package dev.millrace.engine.scheduler;

/**
 * Life cycle of a sequence. Legal moves:
 *
 * <pre>
 * WAITING → RUNNING            admitted
 * RUNNING → WAITING            preempted: blocks taken back, computed again later
 * RUNNING → FINISHED           its last token was chosen
 * WAITING → FINISHED           its last token was chosen by a step that was under way when it was preempted,
 *                              or by the engine that had begun with it
 * WAITING, RUNNING → ABORTED   the caller gave up
 * </pre>
 */
public enum SequenceStatus {
    WAITING,
    RUNNING,
    FINISHED,
    ABORTED;

    boolean mayBecome(SequenceStatus next) {
        return switch (this) {
            case WAITING -> next != WAITING;
            case RUNNING -> next != RUNNING;
            case FINISHED, ABORTED -> false;
        };
    }

    /** Still wants to be computed. */
    public boolean isLive() {
        return this == WAITING || this == RUNNING;
    }
}
