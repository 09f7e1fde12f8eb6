package dev.millrace.ops.lag;

import dev.millrace.ingest.IngestConfig;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagSnapshot.TopicView;
import dev.millrace.ops.status.RateEstimator;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.SinkConfig;
import dev.millrace.sink.table.ReadOnlyConsumers;
import dev.millrace.worker.WorkerConfig;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * True lag, per topic, tenant and batch, in records, prompt tokens and seconds: log end − committed
 * offset − what has finished above it. It reads every record's headers once and no value, so it
 * costs what one more consumer costs, and 20 bytes for each unfinished record. For one thread.
 *
 * <p>Topics are looked at in the order a record passes them, and in each the log's end before the
 * group's offsets. A record on its way from one topic to the next while this happens can be counted
 * in both, never in none.
 */
public final class LagTracker implements AutoCloseable {
    /** Unfinished records whose headers are held, per topic: 160 MB. */
    static final long TRACKED_MAX = 8_000_000;

    private static final Duration READ_BUDGET = Duration.ofSeconds(2);
    private static final long TIMEOUT_SECONDS = 30;

    private final String pool;
    private final InstantSource clock;
    private final Admin admin;
    private final List<TopicBacklog> topics = new ArrayList<>();
    private final RateEstimator rates = new RateEstimator();

    /**
     * @param clientProperties bootstrap.servers and whatever else Kafka's clients understand
     * @param pool whose ready topic is looked at, besides prompts and completions
     * @throws IllegalStateException when a topic is missing or Kafka does not answer
     */
    public LagTracker(Map<String, Object> clientProperties, String pool, InstantSource clock) {
        this(clientProperties, pool, clock, TRACKED_MAX);
    }

    LagTracker(
            Map<String, Object> clientProperties,
            String pool,
            InstantSource clock,
            long trackedMax) {
        this.pool = pool;
        this.clock = clock;
        this.admin = Admin.create(clientProperties);
        Map<String, String> groups = new LinkedHashMap<>();
        groups.put(Topics.PROMPTS, IngestConfig.DEFAULT_APPLICATION_ID);
        groups.put(Topics.ready(pool), WorkerConfig.groupFor(pool));
        groups.put(Topics.COMPLETIONS, SinkConfig.DEFAULT_APPLICATION_ID);
        try {
            for (Map.Entry<String, String> group : groups.entrySet()) {
                topics.add(open(clientProperties, group.getKey(), group.getValue(), trackedMax));
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private TopicBacklog open(
            Map<String, Object> clientProperties, String topic, String group, long trackedMax) {
        Consumer<byte[], byte[]> consumer = headersOnly(clientProperties);
        try {
            return new TopicBacklog(consumer, topic, group, committed(group), trackedMax);
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
    }

    /**
     * How things are now; takes up to some seconds while there is much to read for the first time.
     */
    public LagSnapshot look() {
        Instant now = clock.instant();
        List<TopicView> views = new ArrayList<>();
        Map<String, long[]> batches = new HashMap<>();
        for (TopicBacklog topic : topics) {
            topic.readOn(READ_BUDGET);
            topic.commit(committed(topic.group), now);
            views.add(view(topic, now));
            if (!topic.topic.equals(Topics.COMPLETIONS)) {
                addBatches(topic, batches);
            }
        }
        Map<String, Amount> byBatch = batchAmounts(batches, now);
        forgetEnded();
        return new LagSnapshot(now, pool, views, byBatch);
    }

    private TopicView view(TopicBacklog topic, Instant now) {
        long[] total = new long[FIELDS];
        total[OLDEST] = Long.MAX_VALUE;
        Map<String, long[]> tenants = new TreeMap<>();
        for (Tally tally : topic.tallies()) {
            add(total, tally);
            add(tenants.computeIfAbsent(tally.key.tenant(), t -> empty()), tally);
        }
        long unattributed = topic.unattributed();
        if (unattributed > 0) {
            // What has not been read is taken to be like what has.
            long tokens = total[RECORDS] == 0 ? 0 : total[TOKENS] * unattributed / total[RECORDS];
            total[RECORDS] += unattributed;
            total[TOKENS] += tokens;
        }
        Map<String, Amount> byTenant = new TreeMap<>();
        tenants.forEach(
                (tenant, sums) -> {
                    Amount amount = amount(topic.topic + " tenant " + tenant, sums, now);
                    if (amount.records() > 0) {
                        byTenant.put(tenant, amount);
                    }
                });
        return new TopicView(
                topic.topic,
                topic.group,
                amount(topic.topic, total, now),
                unattributed,
                byTenant,
                topic.partitions(now));
    }

    private static void addBatches(TopicBacklog topic, Map<String, long[]> batches) {
        boolean isReady = !topic.topic.equals(Topics.PROMPTS);
        for (Tally tally : topic.tallies()) {
            if (!tally.key.batch().isEmpty()) {
                long[] sums = batches.computeIfAbsent(tally.key.batch(), b -> empty());
                add(sums, tally);
                if (!isReady) {
                    // A job is done when a worker has finished it, not when it was admitted.
                    sums[DONE_RECORDS] -= tally.finishedRecords;
                    sums[DONE_TOKENS] -= tally.finishedTokens;
                }
            }
        }
    }

    private Map<String, Amount> batchAmounts(Map<String, long[]> batches, Instant now) {
        Map<String, Amount> amounts = new TreeMap<>();
        batches.forEach(
                (batch, sums) -> {
                    Amount amount = amount("batch " + batch, sums, now);
                    if (amount.records() > 0) {
                        amounts.put(batch, amount);
                    }
                });
        return amounts;
    }

    private void forgetEnded() {
        Set<String> open = new HashSet<>();
        topics.forEach(topic -> open.addAll(topic.openBatches()));
        topics.forEach(topic -> topic.forgetEnded(open));
        rates.retain(key -> !key.startsWith("batch ") || open.contains(batchOf(key)));
    }

    private static String batchOf(String rateKey) {
        return rateKey.substring("batch ".length(), rateKey.lastIndexOf('/'));
    }

    private static final int RECORDS = 0;
    private static final int TOKENS = 1;
    private static final int DONE_RECORDS = 2;
    private static final int DONE_TOKENS = 3;
    private static final int OLDEST = 4;
    private static final int FIELDS = 5;

    private static long[] empty() {
        long[] sums = new long[FIELDS];
        sums[OLDEST] = Long.MAX_VALUE;
        return sums;
    }

    private static void add(long[] sums, Tally tally) {
        sums[RECORDS] += tally.records;
        sums[TOKENS] += tally.promptTokens;
        sums[DONE_RECORDS] += tally.finishedRecords;
        sums[DONE_TOKENS] += tally.finishedTokens;
        if (tally.records > 0) {
            sums[OLDEST] = Math.min(sums[OLDEST], tally.oldestMs);
        }
    }

    private Amount amount(String key, long[] sums, Instant now) {
        if (sums[RECORDS] <= 0) {
            // A rate says how fast work is done while there is some.
            rates.forget(key + "/records");
            rates.forget(key + "/tokens");
        }
        OptionalDouble records = rates.sample(key + "/records", sums[DONE_RECORDS], now);
        OptionalDouble tokens = rates.sample(key + "/tokens", sums[DONE_TOKENS], now);
        Instant oldest =
                sums[RECORDS] <= 0 || sums[OLDEST] == Long.MAX_VALUE
                        ? null
                        : Instant.ofEpochMilli(sums[OLDEST]);
        return new Amount(
                Math.max(0, sums[RECORDS]),
                Math.max(0, sums[TOKENS]),
                secondsLeft(sums, records, tokens),
                oldest);
    }

    /**
     * Work is neither records nor prompt tokens alone: answers take time by the record, prompts by
     * the token. Without knowing the share of each, the mean of both estimates is taken.
     */
    private static OptionalDouble secondsLeft(
            long[] sums, OptionalDouble recordRate, OptionalDouble tokenRate) {
        if (sums[RECORDS] <= 0) {
            return OptionalDouble.of(0);
        }
        if (recordRate.isEmpty() || recordRate.getAsDouble() <= 0) {
            return OptionalDouble.empty();
        }
        double byRecords = sums[RECORDS] / recordRate.getAsDouble();
        if (tokenRate.isEmpty() || tokenRate.getAsDouble() <= 0) {
            return OptionalDouble.of(byRecords);
        }
        return OptionalDouble.of((byRecords + sums[TOKENS] / tokenRate.getAsDouble()) / 2);
    }

    private Map<TopicPartition, OffsetAndMetadata> committed(String group) {
        try {
            Map<TopicPartition, OffsetAndMetadata> offsets =
                    admin.listConsumerGroupOffsets(group)
                            .partitionsToOffsetAndMetadata()
                            .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            return offsets;
        } catch (ExecutionException e) {
            throw new IllegalStateException(
                    "the offsets of group "
                            + group
                            + " cannot be read: "
                            + e.getCause().getMessage(),
                    e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException(
                    "Kafka did not answer within " + TIMEOUT_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while lag was read", e);
        }
    }

    /** A consumer whose values are dropped where they are decoded: no prompt is ever held. */
    private static Consumer<byte[], byte[]> headersOnly(Map<String, Object> clientProperties) {
        Map<String, Object> properties = ReadOnlyConsumers.properties(clientProperties);
        properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5_000);
        properties.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 8 << 20);
        Deserializer<byte[]> nothing = (topic, data) -> null;
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), nothing);
    }

    @Override
    public void close() {
        topics.forEach(TopicBacklog::close);
        admin.close(Duration.ofSeconds(5));
    }
}
