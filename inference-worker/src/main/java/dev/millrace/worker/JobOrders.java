package dev.millrace.worker;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

import java.time.Instant;
import java.util.Objects;

/**
 * Carries out what the control topic orders, and what deadlines demand, on jobs that are here. A
 * sequence that runs is stopped between two steps of the engine; its job ends with what it has
 * made. Endings go the way of all others, through the next transaction.
 */
final class JobOrders {
    private final WorkerContext context;
    private final ControlFeed control;
    private final JobBuffer jobs;
    private final JobEngine engine;
    private final ResultEncoder results;

    JobOrders(
            WorkerContext context,
            ControlFeed control,
            JobBuffer jobs,
            JobEngine engine,
            ResultEncoder results) {
        this.context = context;
        this.control = control;
        this.jobs = jobs;
        this.engine = engine;
        this.results = results;
    }

    /**
     * Reads orders and, if there are any, brings every job here into line with them; returns how
     * much that was.
     */
    int run() {
        if (!control.advance()) {
            return 0;
        }
        for (InFlightJob job : jobs.unfinished()) {
            obey(job);
        }
        return 1;
    }

    /** Puts what was ordered about a job into the job, before anything is decided about it. */
    void override(PromptJob job) {
        job.setPriority(control.state().priorityOf(job));
        job.setDeadline(control.state().deadlineOf(job));
    }

    boolean isCancelled(PromptJob job) {
        return control.state().isCancelled(job);
    }

    boolean isPaused(PromptJob job) {
        return control.state().isPaused(job);
    }

    /** Ends every job whose deadline has passed. */
    void expireOverdue() {
        long now = context.clock().millis();
        for (InFlightJob job = jobs.nextOverdue(now); job != null; job = jobs.nextOverdue(now)) {
            stop(job, expired(job.job()), CompletionStatus.EXPIRED);
        }
    }

    static ErrorInfo expired(PromptJob job) {
        String message =
                "the job's deadline " + job.getDeadline() + " passed before it was answered";
        return new ErrorInfo("batch_expired", message, null);
    }

    static ErrorInfo cancelled() {
        return new ErrorInfo(
                "batch_cancelled", "the job was cancelled before it was answered", null);
    }

    private void obey(InFlightJob job) {
        if (isCancelled(job.job())) {
            stop(job, cancelled(), CompletionStatus.CANCELLED);
            return;
        }
        Instant deadline = control.state().deadlineOf(job.job());
        if (!Objects.equals(deadline, job.job().getDeadline())) {
            jobs.setDeadline(job, deadline);
        }
        boolean isPaused = isPaused(job.job());
        int priority = control.state().priorityOf(job.job());
        boolean isReordered = priority != job.request().priority();
        if (jobs.isInEngine(job)) {
            if (!isPaused && !isReordered || !engine.withdraw(job.request().requestId())) {
                return;
            }
            jobs.takenBack(job, isPaused);
        } else if (jobs.isParked(job) != isPaused) {
            jobs.park(job, isPaused);
        }
        if (isReordered) {
            jobs.replace(job, withPriority(job, priority));
        }
    }

    private static InFlightJob withPriority(InFlightJob job, int priority) {
        job.job().setPriority(priority);
        return job.with(job.request().withPriority(priority));
    }

    private void stop(InFlightJob job, ErrorInfo reason, CompletionStatus status) {
        long requestId = job.request().requestId();
        JobAnswer partial = jobs.isInEngine(job) ? engine.cancel(requestId) : null;
        if (partial != null) {
            jobs.settle(requestId, partial.promptTokens() + partial.completionTokens());
        }
        jobs.remove(requestId);
        Completion completion = results.stopped(job.job(), partial, reason, status);
        context.metrics().finished(completion);
        jobs.finished(FinishedJob.answered(job, completion), context.clock().millis());
    }
}
