package dev.millrace.worker;

import dev.millrace.engine.scheduler.AdmissionBounds;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Jobs that wait for the engine. Within a tenant the higher priority goes first, then, within
 * bounds, what shares its prefix with the job before ({@link TenantJobs}). Between tenants: deficit
 * round robin by tokens (Shreedhar and Varghese, 1995), so that each tenant who waits gets tokens in
 * proportion to its weight, however many jobs another one has and whatever priority it gives them.
 *
 * <p>A job is charged by estimate when it leaves ({@link #costOf}) and by what it really took when
 * it has ended ({@link #settle}); the difference is carried over. Taking a job costs a few
 * comparisons per tenant that waits.
 */
final class FairQueue {
    /**
     * Tokens that a tenant of weight 1 may send per round: about one job, so that rounds are short.
     */
    static final long QUANTUM_TOKENS = 512;

    /**
     * Output is paid in advance up to this; a limit that was set for safety alone must not look
     * like work.
     */
    static final int ESTIMATED_OUTPUT_TOKENS = 512;

    /**
     * Bounds what is carried over, so that no tenant is shut out for long by one mistaken estimate.
     */
    private static final long MAX_CARRIED_TOKENS = 1 << 16;

    private static final class Tenant {
        private final long quantum;
        private final TenantJobs jobs;
        private long deficit;

        /** Jobs of this tenant that were taken and have not ended, or wait. */
        private int open;

        private Tenant(int weight, AdmissionBounds bounds) {
            jobs = new TenantJobs(bounds);
            quantum = QUANTUM_TOKENS * weight;
        }
    }

    private final Map<String, Integer> weights;
    private final AdmissionBounds bounds;
    private final Map<String, Tenant> tenants = new HashMap<>();
    private final Deque<Tenant> round = new ArrayDeque<>();

    /** Request ids of open jobs that were taken and paid for. */
    private final Set<Long> charged = new HashSet<>();

    private int size;

    /**
     * @param weights by tenant; 1 for those not named
     * @param bounds of each tenant's departure from its order of arrival
     */
    FairQueue(Map<String, Integer> weights, AdmissionBounds bounds) {
        this.weights = weights;
        this.bounds = bounds;
    }

    /** Tokens that a job is charged before anybody knows what it will take. */
    static long costOf(InFlightJob job) {
        int output = Math.min(job.request().maxTokens(), ESTIMATED_OUTPUT_TOKENS);
        return job.request().promptTokens() + (long) output * job.request().numChoices();
    }

    /** Begins to count a job for its tenant; it neither waits nor runs yet. */
    void open(InFlightJob job) {
        tenants.computeIfAbsent(
                        job.job().getTenant(),
                        name -> new Tenant(weights.getOrDefault(name, 1), bounds))
                .open++;
    }

    /** The job is gone: ended, parked or dropped. It must not wait any more. */
    void close(InFlightJob job) {
        charged.remove(job.request().requestId());
        Tenant tenant = tenants.get(job.job().getTenant());
        tenant.jobs.forget(job);
        if (--tenant.open == 0) {
            tenants.remove(job.job().getTenant());
        }
    }

    /** Tenants with jobs that wait or run. */
    int numTenants() {
        return tenants.size();
    }

    int size() {
        return size;
    }

    /** Adds an open job. */
    void add(InFlightJob job) {
        Tenant tenant = tenants.get(job.job().getTenant());
        joinRound(tenant);
        size += tenant.jobs.add(job) ? 1 : 0;
    }

    /** Takes a job out of its turn; false if it does not wait. */
    boolean remove(InFlightJob job) {
        Tenant tenant = tenants.get(job.job().getTenant());
        if (tenant == null || !tenant.jobs.remove(job)) {
            return false;
        }
        size--;
        leaveRoundIfEmpty(tenant);
        return true;
    }

    /** A job's deadline is another one now. */
    void deadlineChanged(InFlightJob job) {
        Tenant tenant = tenants.get(job.job().getTenant());
        if (tenant != null) {
            tenant.jobs.deadlineChanged(job);
        }
    }

    /** The job whose turn it is, charged to its tenant; null when none waits. */
    InFlightJob poll(long nowMs) {
        while (!round.isEmpty()) {
            Tenant tenant = round.peek();
            InFlightJob job = tenant.jobs.next(nowMs);
            long cost = costOf(job);
            boolean isAlone = round.size() == 1;
            if (tenant.deficit >= cost || isAlone) {
                if (isAlone) {
                    // Nobody is kept waiting: it neither pays nor saves.
                    tenant.deficit = 0;
                } else {
                    tenant.deficit -= cost;
                    charged.add(job.request().requestId());
                }
                tenant.jobs.take(job, nowMs);
                size--;
                leaveRoundIfEmpty(tenant);
                return job;
            }
            tenant.deficit += tenant.quantum;
            round.add(round.remove());
        }
        return null;
    }

    /** The job was taken, and is given back unused: its tenant gets the charge back. */
    void giveBack(InFlightJob job) {
        refund(job, costOf(job));
        Tenant tenant = tenants.get(job.job().getTenant());
        joinRound(tenant);
        tenant.jobs.giveBack(job);
        size++;
    }

    /** What a job that was taken has really cost, while it is still open. */
    void settle(InFlightJob job, long tokens) {
        refund(job, costOf(job) - tokens);
    }

    private void refund(InFlightJob job, long tokens) {
        if (charged.remove(job.request().requestId())) {
            Tenant tenant = tenants.get(job.job().getTenant());
            tenant.deficit =
                    Math.clamp(tenant.deficit + tokens, -MAX_CARRIED_TOKENS, MAX_CARRIED_TOKENS);
        }
    }

    private void joinRound(Tenant tenant) {
        if (tenant.jobs.isEmpty()) {
            round.add(tenant);
        }
    }

    private void leaveRoundIfEmpty(Tenant tenant) {
        if (tenant.jobs.isEmpty()) {
            round.remove(tenant);
            // A turn that was not used is not saved up.
            tenant.deficit = Math.min(0, tenant.deficit);
        }
    }
}
