package dev.millrace.schemas;

/**
 * Keys of the control topic. The topic is compacted, so a key names all orders that replace each
 * other, and nothing else: one kind of order to one target.
 *
 * <pre>
 * batch/&lt;batchId&gt;/cancel      CANCEL           job/&lt;jobId&gt;/cancel
 * batch/&lt;batchId&gt;/pause       PAUSE, RESUME    job/&lt;jobId&gt;/pause
 * batch/&lt;batchId&gt;/priority    SET_PRIORITY     job/&lt;jobId&gt;/priority
 * batch/&lt;batchId&gt;/deadline    SET_DEADLINE     job/&lt;jobId&gt;/deadline
 * </pre>
 *
 * Ids may contain '/': a key begins with its scope and ends with what it is about, so no two
 * targets share one.
 */
public final class ControlKeys {
    private ControlKeys() {}

    /**
     * The key under which a command is published.
     *
     * @throws IllegalArgumentException when the command has not exactly one target, or lacks its
     *     priority
     */
    public static String of(ControlCommand command) {
        boolean toBatch = command.getBatchId() != null && !command.getBatchId().isEmpty();
        boolean toJob = command.getJobId() != null && !command.getJobId().isEmpty();
        if (toBatch == toJob) {
            throw new IllegalArgumentException(
                    "a control command needs a batchId or a jobId, and not both");
        }
        if (command.getKind() == ControlKind.SET_PRIORITY && command.getPriority() == null) {
            throw new IllegalArgumentException("SET_PRIORITY needs a priority");
        }
        return toBatch
                ? ofBatch(command.getBatchId(), command.getKind())
                : ofJob(command.getJobId(), command.getKind());
    }

    /** The key of orders of this kind to a batch. */
    public static String ofBatch(String batchId, ControlKind kind) {
        return "batch/" + batchId + what(kind);
    }

    /** The key of orders of this kind to a job. */
    public static String ofJob(String jobId, ControlKind kind) {
        return "job/" + jobId + what(kind);
    }

    private static String what(ControlKind kind) {
        return switch (kind) {
            case CANCEL -> "/cancel";
            case PAUSE, RESUME -> "/pause";
            case SET_PRIORITY -> "/priority";
            case SET_DEADLINE -> "/deadline";
        };
    }
}
