package dev.millrace.ingest;

import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.util.HashMap;
import java.util.Map;

/**
 * Keeps tenants within their quotas: what is too much now is held back on disk, oldest first (to
 * the millisecond) within a tenant, and passed on as earlier jobs end.
 */
final class TenantGate {
    static final String HELD_STORE = "held-jobs";

    /** What may happen to a job now. */
    enum Verdict {
        PASS,
        HOLD,
        REFUSE
    }

    private final EnqueuedJobs enqueued;
    private final ParkedJobs held;
    private final Map<String, Long> numHeld = new HashMap<>();

    TenantGate(EnqueuedJobs enqueued, KeyValueStore<Bytes, byte[]> heldStore) {
        this.enqueued = enqueued;
        this.held = new ParkedJobs(heldStore);
        held.forEachGroup(tenant -> numHeld.merge(tenant, 1L, Long::sum));
    }

    static StoreBuilder<KeyValueStore<Bytes, byte[]>> heldStoreBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(HELD_STORE),
                        Serdes.Bytes(),
                        Serdes.ByteArray())
                .withCachingDisabled();
    }

    Verdict check(PromptJob job) {
        long waiting = numHeld.getOrDefault(job.getTenant(), 0L);
        if (waiting == 0 && enqueued.hasRoom(job)) {
            return Verdict.PASS;
        }
        TenantQuota quota = enqueued.quotaOf(job.getTenant());
        // Without a quota (any more), whoever still waits goes with the next sweep; nobody is
        // refused for that.
        return quota == null || waiting < quota.held() ? Verdict.HOLD : Verdict.REFUSE;
    }

    void hold(PromptJob job, Headers headers, byte[] value, long nowMs) {
        held.park(job.getTenant(), job.getJobId(), headers, value, nowMs);
        numHeld.merge(job.getTenant(), 1L, Long::sum);
    }

    /** Whether a job that was held back may go on. */
    boolean mayPass(PromptJob job) {
        return enqueued.hasRoom(job);
    }

    /** Hands out held jobs, each tenant's oldest first, until the visitor leaves one. */
    void sweep(int max, ParkedJobs.Visitor visitor) {
        if (!numHeld.isEmpty()) {
            held.sweep(
                    max,
                    (tenant, job) -> {
                        boolean isTaken = visitor.visit(tenant, job);
                        if (isTaken) {
                            numHeld.computeIfPresent(
                                    tenant, (name, count) -> count == 1 ? null : count - 1);
                        }
                        return isTaken;
                    });
        }
    }

    void routed(PromptJob job) {
        enqueued.add(job);
    }

    void ended(byte[] jobId) {
        enqueued.ended(jobId);
    }
}
