package dev.millrace.ops.lag;

import dev.millrace.ops.lag.LagSnapshot.PartitionView;
import dev.millrace.schemas.RecordHeaders;
import dev.millrace.sink.table.ReadOnlyConsumers;
import dev.millrace.worker.FinishedAhead;
import dev.millrace.worker.FinishedAheadCodec;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a group has not finished in one topic. Reads the headers of every record from the committed
 * offset on, once; a record's value is dropped by the deserializer. For one thread.
 */
final class TopicBacklog implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(50);
    private static final LagKey UNKNOWN = new LagKey("", "");

    final String topic;
    final String group;
    private final Consumer<byte[], byte[]> consumer;
    private final long trackedMax;
    private final Map<TopicPartition, PartitionState> partitions =
            new TreeMap<>((a, b) -> Integer.compare(a.partition(), b.partition()));
    private final Map<LagKey, Tally> tallies = new HashMap<>();

    /** A partition and how it stood at the last look. */
    private static final class PartitionState {
        PartitionBacklog backlog;
        FinishedAhead ahead = FinishedAhead.NONE;
        long position;
        long end;
        long lastRecords;
        long lastFinishedBelow;
        Instant movedAt;
    }

    /**
     * @param trackedMax records whose headers are held at most; the rest is counted but not
     *     attributed until there is room
     */
    TopicBacklog(
            Consumer<byte[], byte[]> consumer,
            String topic,
            String group,
            Map<TopicPartition, OffsetAndMetadata> committed,
            long trackedMax) {
        this.topic = topic;
        this.group = group;
        this.consumer = consumer;
        this.trackedMax = trackedMax;
        List<TopicPartition> all = ReadOnlyConsumers.partitions(consumer, topic);
        consumer.assign(all);
        Map<TopicPartition, Long> starts = consumer.beginningOffsets(all);
        for (TopicPartition partition : all) {
            OffsetAndMetadata offset = committed.get(partition);
            long from = Math.max(starts.get(partition), offset == null ? 0 : offset.offset());
            PartitionState state = new PartitionState();
            state.backlog = new PartitionBacklog(from);
            state.position = from;
            partitions.put(partition, state);
            consumer.seek(partition, from);
        }
    }

    /** Reads the headers of what has come, up to the log's end as it is now or until time is up. */
    void readOn(Duration budget) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions.keySet());
        ends.forEach((partition, end) -> partitions.get(partition).end = end);
        long deadline = System.nanoTime() + budget.toNanos();
        while (isBehind() && hasRoom()) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                take(record);
            }
            partitions.forEach((partition, state) -> state.position = consumer.position(partition));
            if (System.nanoTime() > deadline) {
                return;
            }
        }
    }

    /** Takes what the group has committed. */
    void commit(Map<TopicPartition, OffsetAndMetadata> committed, Instant now) {
        for (Map.Entry<TopicPartition, PartitionState> entry : partitions.entrySet()) {
            OffsetAndMetadata offset = committed.get(entry.getKey());
            PartitionState state = entry.getValue();
            if (offset != null) {
                commit(entry.getKey(), state, offset);
            }
            long records = records(state);
            long below = state.backlog.lowWater() + state.ahead.count();
            if (state.movedAt == null
                    || state.lastRecords == 0
                    || below != state.lastFinishedBelow) {
                state.movedAt = now;
            }
            state.lastRecords = records;
            state.lastFinishedBelow = below;
        }
        findOldest();
    }

    private void commit(TopicPartition partition, PartitionState state, OffsetAndMetadata offset) {
        state.ahead =
                FinishedAheadCodec.decode(offset.offset(), offset.metadata())
                        .orElse(FinishedAhead.NONE);
        if (!state.backlog.commit(offset.offset(), state.ahead)) {
            state.backlog.restart(offset.offset());
            consumer.seek(partition, offset.offset());
            state.position = offset.offset();
        } else if (offset.offset() > state.position) {
            consumer.seek(partition, offset.offset());
            state.position = offset.offset();
        }
    }

    private void findOldest() {
        tallies.values().forEach(tally -> tally.oldestMs = Long.MAX_VALUE);
        long[] walked = {Long.MAX_VALUE};
        for (PartitionState state : partitions.values()) {
            long[] last = {Long.MAX_VALUE};
            state.backlog.visitOldest(
                    (tally, ms) -> {
                        tally.oldestMs = Math.min(tally.oldestMs, ms);
                        last[0] = ms;
                    });
            walked[0] = Math.min(walked[0], last[0]);
        }
        for (Tally tally : tallies.values()) {
            if (tally.records > 0 && tally.oldestMs == Long.MAX_VALUE) {
                tally.oldestMs = walked[0];
            }
        }
    }

    /** Owners of unfinished and finished work since the start, in no order. */
    Iterable<Tally> tallies() {
        return tallies.values();
    }

    /** Forgets owners that have nothing left and are not among these batches. */
    void forgetEnded(Set<String> openBatches) {
        tallies.values()
                .removeIf(
                        tally ->
                                tally.records == 0
                                        && !tally.key.batch().isEmpty()
                                        && !openBatches.contains(tally.key.batch()));
    }

    /** Batches that have unfinished records here. */
    Set<String> openBatches() {
        Set<String> open = new HashSet<>();
        for (Tally tally : tallies.values()) {
            if (tally.records > 0) {
                open.add(tally.key.batch());
            }
        }
        return open;
    }

    List<PartitionView> partitions(Instant now) {
        List<PartitionView> views = new ArrayList<>();
        partitions.forEach(
                (partition, state) -> {
                    long records = records(state);
                    double idle =
                            records == 0
                                    ? 0
                                    : Duration.between(state.movedAt, now).toMillis() / 1000.0;
                    views.add(new PartitionView(partition.partition(), records, Math.max(0, idle)));
                });
        return views;
    }

    /** Records above the position, whose headers have not been read. */
    long unattributed() {
        return partitions.values().stream().mapToLong(TopicBacklog::unread).sum();
    }

    private static long records(PartitionState state) {
        return state.backlog.unfinished() + unread(state);
    }

    private static long unread(PartitionState state) {
        long from = Math.max(state.position, state.backlog.lowWater());
        return from >= state.end ? 0 : Math.max(0, state.end - from - state.ahead.countFrom(from));
    }

    private boolean isBehind() {
        return partitions.values().stream().anyMatch(state -> state.position < state.end);
    }

    private boolean hasRoom() {
        return partitions.values().stream().mapToLong(state -> state.backlog.tracked()).sum()
                < trackedMax;
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        PartitionState state =
                partitions.get(new TopicPartition(record.topic(), record.partition()));
        if (record.offset() < state.backlog.lowWater()) {
            return;
        }
        LagKey key = keyOf(record.headers());
        state.backlog.add(
                record.offset(),
                tallies.computeIfAbsent(key, Tally::new),
                tokensOf(record.headers()),
                record.timestamp());
    }

    private static LagKey keyOf(Headers headers) {
        String tenant = text(headers, RecordHeaders.TENANT);
        String batch = text(headers, RecordHeaders.BATCH);
        return tenant.isEmpty() && batch.isEmpty() ? UNKNOWN : new LagKey(tenant, batch);
    }

    private static int tokensOf(Headers headers) {
        String text = text(headers, RecordHeaders.PROMPT_TOKENS);
        if (text.isEmpty()) {
            text = text(headers, RecordHeaders.INPUT_TOKENS);
        }
        try {
            return text.isEmpty()
                    ? 0
                    : (int) Math.clamp(Long.parseLong(text), 0, Integer.MAX_VALUE);
        } catch (NumberFormatException e) {
            // A foreign producer's header of the same name; the record counts, its tokens do not.
            return 0;
        }
    }

    private static String text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null
                ? ""
                : new String(header.value(), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        consumer.close();
    }
}
