package dev.millrace.ingest;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The jobs of tenants with a quota that were routed and have not ended, in this task. A job that
 * ends is known by its completion.
 *
 * <pre>
 * key    16 bytes of SHA-256(job id)
 * value  estimated tokens (8) · tenant
 * </pre>
 *
 * No larger than the quotas allow; sums are kept in memory and made anew when the task starts.
 */
final class EnqueuedJobs {
    static final String STORE = "enqueued-jobs";

    private static final int KEY_BYTES = 16;
    private static final int CHARS_PER_TOKEN = 4;

    private static final class Sum {
        private long jobs;
        private long tokens;
    }

    private final KeyValueStore<Bytes, byte[]> store;
    private final Map<String, TenantQuota> quotas;
    private final int tasks;
    private final Map<String, Sum> sums = new HashMap<>();

    /**
     * @param tasks into how many equal parts the quotas are divided: jobs spread over the tasks by
     *     their id
     */
    EnqueuedJobs(KeyValueStore<Bytes, byte[]> store, Map<String, TenantQuota> quotas, int tasks) {
        this.store = store;
        this.quotas = quotas;
        this.tasks = tasks;
        try (KeyValueIterator<Bytes, byte[]> all = store.all()) {
            all.forEachRemaining(entry -> count(entry.value, 1));
        }
    }

    static StoreBuilder<KeyValueStore<Bytes, byte[]>> storeBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withCachingEnabled();
    }

    /** The tenant's quota in this task; null when it has none. */
    TenantQuota quotaOf(String tenant) {
        TenantQuota quota = quotas.getOrDefault(tenant, quotas.get(TenantQuota.EVERYONE_ELSE));
        return quota == null ? null : quota.share(tasks);
    }

    /**
     * Whether the job may be routed now. A tenant with nothing on its way may always route one job,
     * however large.
     */
    boolean hasRoom(PromptJob job) {
        TenantQuota quota = quotaOf(job.getTenant());
        Sum sum = sums.get(job.getTenant());
        return quota == null
                || sum == null
                || sum.jobs == 0
                || sum.jobs < quota.jobs() && sum.tokens + tokensOf(job) <= quota.tokens();
    }

    /** The job was routed. */
    void add(PromptJob job) {
        if (quotaOf(job.getTenant()) == null) {
            return;
        }
        byte[] tenant = job.getTenant().getBytes(StandardCharsets.UTF_8);
        byte[] value =
                ByteBuffer.allocate(8 + tenant.length).putLong(tokensOf(job)).put(tenant).array();
        store.put(keyOf(job.getJobId().getBytes(StandardCharsets.UTF_8)), value);
        count(value, 1);
    }

    /** The job has its completion; one that is not counted here changes nothing. */
    void ended(byte[] jobId) {
        byte[] value = store.delete(keyOf(jobId));
        if (value != null) {
            count(value, -1);
        }
    }

    /** What a job will take, as far as anybody can say without a tokenizer. */
    static long tokensOf(PromptJob job) {
        long chars = job.getPrompt() == null ? 0 : job.getPrompt().length();
        for (ChatMessage message : job.getMessages()) {
            chars += message.getContent() == null ? 0 : message.getContent().length();
        }
        long prompt =
                job.getPromptTokenIds() == null
                        ? chars / CHARS_PER_TOKEN + 1
                        : job.getPromptTokenIds().size();
        Integer output = job.getSampling().getMaxTokens();
        return prompt + (output == null ? 0 : (long) output * job.getSampling().getN());
    }

    private void count(byte[] value, int change) {
        String tenant = new String(value, 8, value.length - 8, StandardCharsets.UTF_8);
        Sum sum = sums.computeIfAbsent(tenant, name -> new Sum());
        sum.jobs += change;
        sum.tokens += change * ByteBuffer.wrap(value).getLong();
        if (sum.jobs == 0) {
            sums.remove(tenant);
        }
    }

    private static Bytes keyOf(byte[] jobId) {
        return Bytes.wrap(Arrays.copyOf(Digests.sha256().digest(jobId), KEY_BYTES));
    }
}
