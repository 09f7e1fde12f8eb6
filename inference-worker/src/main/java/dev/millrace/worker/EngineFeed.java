package dev.millrace.worker;

import dev.millrace.engine.api.RequestRejectedException;

/**
 * Hands waiting jobs to the engine. While one tenant has jobs here, the engine gets all of them:
 * the more it sees, the better it can order them by prefix. As soon as a second tenant has, the
 * engine keeps only a short queue, refilled turn by turn in fair order, each tenant's jobs grouped by
 * prefix; what it had been given and not begun is taken back first, so that who comes late does not
 * wait behind a flood. Jobs that an engine has broken over go first, and nothing beside them ({@link
 * Suspects}).
 */
final class EngineFeed {
    /**
     * Requests that may wait inside the engine while tenants compete: enough for every step's
     * admissions.
     */
    static final int CONTENDED_QUEUE = 64;

    private final WorkerContext context;
    private final JobBuffer jobs;
    private final JobEngine engine;
    private final ResultEncoder results;
    private boolean isContended;
    private boolean hasSuspects;

    EngineFeed(WorkerContext context, JobBuffer jobs, JobEngine engine, ResultEncoder results) {
        this.context = context;
        this.jobs = jobs;
        this.engine = engine;
        this.results = results;
    }

    /** Fills the engine as far as the tenants allow. */
    void run() {
        boolean wasContended = isContended;
        boolean hadSuspects = hasSuspects;
        isContended = jobs.numTenants() > 1;
        hasSuspects = jobs.hasSuspects();
        if (isContended && !wasContended || hasSuspects && !hadSuspects) {
            takeBackWhatHasNotBegun();
        }
        // Suspects bound themselves.
        boolean isShort = isContended && !hasSuspects;
        int room = isShort ? CONTENDED_QUEUE - numWaitingInEngine() : Integer.MAX_VALUE;
        for (; room > 0; room--) {
            InFlightJob job = jobs.nextForEngine(context.clock().millis());
            if (job == null) {
                return;
            }
            submit(job);
        }
    }

    /** An engine without work does not step, so its count may be an old one. */
    private int numWaitingInEngine() {
        return engine.hasWork() ? engine.stats().waiting() : 0;
    }

    private void takeBackWhatHasNotBegun() {
        for (InFlightJob job : jobs.inEngine()) {
            if (engine.withdraw(job.request().requestId())) {
                jobs.takenBack(job, false);
            }
        }
    }

    private void submit(InFlightJob job) {
        try {
            engine.submit(job.request());
        } catch (RequestRejectedException e) {
            jobs.remove(job.request().requestId());
            FinishedJob refused = FinishedJob.answered(job, results.rejected(job.job(), e));
            context.metrics().finished(refused.completion());
            jobs.finished(refused, context.clock().millis());
        }
    }
}
