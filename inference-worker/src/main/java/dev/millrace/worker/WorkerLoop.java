package dev.millrace.worker;

import dev.millrace.schemas.Completion;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.List;

/**
 * The duty cycle: poll, submit, step, publish, commit. One thread calls {@link #doWork} over and
 * over and owns consumer, engine and producer; waiting happens inside poll, and only when the
 * engine has nothing to do.
 */
final class WorkerLoop {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerLoop.class);

    private final WorkerContext context;
    private final WorkerParts parts;
    private final WorkerClients clients;
    private final JobEngine engine;
    private WorkerSession session;
    private long notBeforeMs;
    private long drainDeadlineMs;
    private int failuresInARow;
    private int rejoinsInARow;
    private boolean isDraining;

    WorkerLoop(WorkerContext context, WorkerParts parts, WorkerClients clients) {
        this.context = context;
        this.parts = parts;
        this.clients = clients;
        this.engine = parts.engine();
    }

    /**
     * One turn. Returns how much was done; 0 means that the caller may rest for a moment.
     *
     * @throws WorkerFailedException when the worker must end
     */
    int doWork() {
        if (context.clock().millis() < notBeforeMs) {
            return 0;
        }
        try {
            if (session == null) {
                join();
            }
            int work = turn();
            failuresInARow = 0;
            return work;
        } catch (WorkerFailedException e) {
            throw e;
        } catch (RuntimeException e) {
            recover(e);
            return 0;
        }
    }

    private int turn() {
        int work = session.orders.run();
        work += session.intake.poll(pollTimeout());
        session.guard.advance();
        session.handOvers.advance();
        work += step();
        session.orders.expireOverdue();
        switch (session.commits.runIfDue()) {
            case COMMITTED -> rejoinsInARow = 0;
            case NOTHING_TO_DO, ABORTED, FENCED -> {}
        }
        if (session.commits.isFenced()) {
            rejoin();
        }
        return work;
    }

    /** One engine step; what finished in it joins the jobs that wait for their commit. */
    private int step() {
        List<JobAnswer> ended;
        try {
            session.feed.run();
            if (!engine.hasWork()) {
                return 0;
            }
            ended = engine.step();
        } catch (RuntimeException | VirtualMachineError e) {
            // A prompt may also bring the engine to the end of its stack or its memory.
            session.recordFailure(e);
            throw new WorkerFailedException("the engine is broken", e);
        }
        for (JobAnswer result : ended) {
            context.metrics().finished(result);
            session.jobs.settle(
                    result.requestId(), result.promptTokens() + result.completionTokens());
            InFlightJob job = session.jobs.remove(result.requestId());
            if (job != null) {
                Completion completion = session.results.encode(job.job(), result);
                context.metrics().finished(completion);
                session.jobs.finished(
                        FinishedJob.answered(job, completion), context.clock().millis());
            }
        }
        return 1 + ended.size();
    }

    private Duration pollTimeout() {
        if (session.guard.isBusy()
                || session.handOvers.isBusy()
                || session.jobs.numWaiting() > 0) {
            return Duration.ZERO;
        }
        if (engine.hasWork()) {
            return engine.restBetweenSteps();
        }
        long ms = Math.min(context.limits().idlePoll().toMillis(), session.commits.msUntilDue());
        return Duration.ofMillis(Math.max(0, ms));
    }

    /** Takes no more jobs from now on; those inside go on until the drain timeout. */
    void drain() {
        isDraining = true;
        drainDeadlineMs = context.clock().millis() + context.config().drainTimeout().toMillis();
        if (session != null) {
            session.intake.stop();
        }
    }

    /** Whether a draining worker has nothing left to do, or no more time. */
    boolean isDrained() {
        return isDraining
                && (session == null
                        || numLeft() == 0
                        || context.clock().millis() >= drainDeadlineMs);
    }

    /** Paused jobs are not waited for: the next owner of their partition parks them again. */
    private int numLeft() {
        return session.jobs.count() - session.jobs.numParked();
    }

    /** Commits what is finished, leaves the group, closes the clients. */
    void leave() {
        if (session != null) {
            session.leave();
            session = null;
        }
    }

    /** Closes the clients and commits nothing: the jobs inside are for the next owner. */
    void abandon() {
        if (session != null) {
            session.abandon();
            session = null;
        }
    }

    private void join() {
        session = new WorkerSession(context, parts, clients);
        if (isDraining) {
            session.intake.stop();
        }
    }

    /** Drops all work; the next turn makes new clients and reads what is committed. */
    private void rejoin() {
        rejoinsInARow++;
        if (rejoinsInARow > context.config().maxAttempts()) {
            throw new WorkerFailedException(
                    "fenced "
                            + rejoinsInARow
                            + " times in a row; does another worker run under the id "
                            + context.config().workerId()
                            + "?",
                    null);
        }
        LOG.warn(
                "fenced: {} jobs are dropped and read again",
                session == null ? 0 : session.jobs.count());
        context.metrics().rejoined();
        abandon();
        backOff();
    }

    private void recover(RuntimeException failure) {
        switch (FailurePolicy.actionFor(failure)) {
            case FENCED -> rejoin();
            case RETRY -> {
                failuresInARow++;
                if (failuresInARow > context.config().maxAttempts()) {
                    throw new WorkerFailedException(failuresInARow + " failures in a row", failure);
                }
                LOG.warn("trying again: {}", failure.toString());
                // A poll that threw may have handed out records that nobody has seen: only a new
                // session is sure to read them.
                abandon();
                backOff();
            }
            default -> throw new WorkerFailedException("the worker cannot go on", failure);
        }
    }

    private void backOff() {
        notBeforeMs = context.clock().millis() + context.limits().retryBackoff().toMillis();
    }
}
