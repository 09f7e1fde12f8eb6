package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * For partitions whose finished-ahead set is lost (the offset was moved by a tool, mirrored, expired, or its metadata is
 * corrupt): they are replayed from the committed offset, and jobs that have a committed completion are not run again.
 *
 * <p>Which ones have is read from {@code completions}: an answer is never older than its job, so the timestamp of the
 * first replayed record bounds the scan from below (less a margin for clocks that disagree). The partition waits, paused,
 * until the scan is through; records that were not there when it began cannot have been answered and need no check.
 */
final class DuplicateGuard implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DuplicateGuard.class);
    private static final long CLOCK_SKEW_MS = Duration.ofMinutes(10).toMillis();
    private static final Duration SLICE = Duration.ofMillis(20);

    private enum Stage {
        /** No record seen yet, so nobody knows how far back to look. */
        AWAITS_RECORD,
        /** Waits for a scan that reaches back far enough. */
        AWAITS_SCAN,
        IN_SCAN,
        /** Scan done: each job below {@code untilOffset} is looked up. */
        CHECKED
    }

    private static final class Suspect {
        private Stage stage = Stage.AWAITS_RECORD;
        private long fromMs;
        private long untilOffset;
    }

    private final WorkerClients clients;
    private final Consumer<byte[], byte[]> consumer;
    private final int maxIds;
    private final Map<TopicPartition, Suspect> suspects = new HashMap<>();
    private AnsweredJobs answered;
    private CompletionScan scan;

    DuplicateGuard(WorkerClients clients, Consumer<byte[], byte[]> consumer, int maxIds) {
        this.clients = clients;
        this.consumer = consumer;
        this.maxIds = maxIds;
    }

    /** This partition's finished-ahead set is lost. */
    void suspect(TopicPartition partition) {
        suspects.put(partition, new Suspect());
    }

    void forget(TopicPartition partition) {
        suspects.remove(partition);
        releaseIfUnused();
    }

    /** Whether this record must wait for the scan; the first record of a lost partition asks for one. */
    boolean mustWait(TopicPartition partition, ConsumerRecord<byte[], byte[]> record) {
        Suspect suspect = suspects.get(partition);
        if (suspect == null) {
            return false;
        }
        if (suspect.stage == Stage.AWAITS_RECORD) {
            suspect.stage = Stage.AWAITS_SCAN;
            suspect.fromMs = Math.max(0, record.timestamp() - CLOCK_SKEW_MS);
            suspect.untilOffset = consumer.endOffsets(List.of(partition)).get(partition);
        }
        return suspect.stage != Stage.CHECKED;
    }

    /** Whether the partition must stay paused. */
    boolean holds(TopicPartition partition) {
        Suspect suspect = suspects.get(partition);
        return suspect != null && (suspect.stage == Stage.AWAITS_SCAN || suspect.stage == Stage.IN_SCAN);
    }

    /** Whether the job has its answer already. */
    boolean isAnswered(TopicPartition partition, long offset, PromptJob job) {
        Suspect suspect = suspects.get(partition);
        if (suspect == null) {
            return false;
        }
        if (offset >= suspect.untilOffset) {
            forget(partition);
            return false;
        }
        return answered.contains(job.getJobId().getBytes(StandardCharsets.UTF_8));
    }

    boolean isBusy() {
        return scan != null || suspects.values().stream().anyMatch(suspect -> suspect.stage == Stage.AWAITS_SCAN);
    }

    /** Reads a slice of completions if any partition waits for it. */
    void advance() {
        if (scan == null && isBusy()) {
            startScan();
        }
        if (scan != null && scan.advance(SLICE)) {
            closeScan();
            move(Stage.IN_SCAN, Stage.CHECKED);
            LOG.info("completions read back: {} answered jobs known", answered.size());
        }
    }

    @Override
    public void close() {
        suspects.clear();
        releaseIfUnused();
    }

    private void startScan() {
        long fromMs = suspects.values().stream()
                .filter(suspect -> suspect.stage == Stage.AWAITS_SCAN)
                .mapToLong(suspect -> suspect.fromMs)
                .min().orElseThrow();
        if (answered == null) {
            answered = new AnsweredJobs(maxIds);
        }
        scan = new CompletionScan(clients, fromMs, answered);
        move(Stage.AWAITS_SCAN, Stage.IN_SCAN);
    }

    private void move(Stage from, Stage to) {
        for (Suspect suspect : suspects.values()) {
            suspect.stage = suspect.stage == from ? to : suspect.stage;
        }
    }

    private void releaseIfUnused() {
        if (suspects.isEmpty()) {
            closeScan();
            answered = null;
        }
    }

    private void closeScan() {
        if (scan != null) {
            scan.close();
            scan = null;
        }
    }
}
