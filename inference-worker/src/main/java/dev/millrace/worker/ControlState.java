package dev.millrace.worker;

import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.PromptJob;

import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What the control topic orders at this moment, by batch and by job. Orders are kept whether or not
 * a job they speak of was seen: it may still come. An order to a job goes before one to its batch,
 * except that a job is cancelled or paused if either says so. Owned by the worker's thread.
 */
final class ControlState {

    /** What one target was told; a null or false says nothing. */
    private static final class Orders {
        private boolean isCancelled;
        private boolean isPaused;
        private Integer priority;
        private boolean hasDeadline;
        private Instant deadline;

        private boolean isEmpty() {
            return !isCancelled && !isPaused && priority == null && !hasDeadline;
        }
    }

    private final Map<String, Orders> batches = new HashMap<>();
    private final Map<String, Orders> jobs = new HashMap<>();

    /**
     * @throws IllegalArgumentException when the command names no target, or both, or lacks what it
     *     sets
     */
    void apply(ControlCommand command) {
        boolean toBatch = command.getBatchId() != null && !command.getBatchId().isEmpty();
        boolean toJob = command.getJobId() != null && !command.getJobId().isEmpty();
        if (toBatch == toJob) {
            throw new IllegalArgumentException("it needs a batchId or a jobId, and not both");
        }
        Map<String, Orders> targets = toBatch ? batches : jobs;
        String target = toBatch ? command.getBatchId() : command.getJobId();
        Orders orders = targets.computeIfAbsent(target, id -> new Orders());
        switch (command.getKind()) {
            case CANCEL -> orders.isCancelled = true;
            case PAUSE -> orders.isPaused = true;
            case RESUME -> orders.isPaused = false;
            case SET_PRIORITY ->
                    orders.priority =
                            Objects.requireNonNullElse(command.getPriority(), orders.priority);
            case SET_DEADLINE -> {
                orders.hasDeadline = true;
                orders.deadline = command.getDeadline();
            }
        }
        if (orders.isEmpty()) {
            targets.remove(target);
        }
    }

    boolean isCancelled(PromptJob job) {
        Orders own = jobs.get(job.getJobId());
        Orders batch = batches.get(job.getBatchId());
        return own != null && own.isCancelled || batch != null && batch.isCancelled;
    }

    boolean isPaused(PromptJob job) {
        Orders own = jobs.get(job.getJobId());
        Orders batch = batches.get(job.getBatchId());
        return own != null && own.isPaused || batch != null && batch.isPaused;
    }

    /** The priority that the job has by order, or else its own. */
    int priorityOf(PromptJob job) {
        Orders own = jobs.get(job.getJobId());
        if (own != null && own.priority != null) {
            return own.priority;
        }
        Orders batch = batches.get(job.getBatchId());
        return batch != null && batch.priority != null ? batch.priority : job.getPriority();
    }

    /** The deadline that the job has by order, or else its own; null for none. */
    Instant deadlineOf(PromptJob job) {
        Orders own = jobs.get(job.getJobId());
        if (own != null && own.hasDeadline) {
            return own.deadline;
        }
        Orders batch = batches.get(job.getBatchId());
        return batch != null && batch.hasDeadline ? batch.deadline : job.getDeadline();
    }

    /** Targets that some order speaks of. */
    int numTargets() {
        return batches.size() + jobs.size();
    }
}
