package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * For partitions whose finished-ahead set is lost (the offset was moved by a tool, mirrored,
 * expired, or its metadata is corrupt): they are replayed from the committed offset, and jobs that
 * have a committed completion are not run again, nor is a record set aside twice.
 *
 * <p>Which ones have is read from {@code completions} and {@code dead-letters}: an answer is never
 * older than its job, so the timestamp of the first replayed record bounds the scan from below
 * (less a margin for clocks that disagree). The partition waits, paused, until the scan is through.
 * Where the replay ends is written into the metadata of the commits meanwhile, so a next owner goes
 * on checking.
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

        /** How far back the scans begun since its assignment have looked. */
        private long scannedFromMs = Long.MAX_VALUE;

        private final long untilOffset;

        private Suspect(long untilOffset) {
            this.untilOffset = untilOffset;
        }
    }

    private final WorkerClients clients;
    private final int maxIds;
    private final Map<TopicPartition, Suspect> suspects = new HashMap<>();
    private AnsweredJobs answered;
    private CompletionScan scan;

    DuplicateGuard(WorkerClients clients, int maxIds) {
        this.clients = clients;
        this.maxIds = maxIds;
    }

    /**
     * This partition's finished-ahead set is lost; jobs from {@code untilOffset} on came later and
     * need no check.
     */
    void suspect(TopicPartition partition, long untilOffset) {
        suspects.put(partition, new Suspect(untilOffset));
    }

    void forget(TopicPartition partition) {
        suspects.remove(partition);
        releaseIfUnused();
    }

    /**
     * Whether this record must wait for the scan; the first record of a lost partition asks for
     * one.
     */
    boolean mustWait(TopicPartition partition, ConsumerRecord<byte[], byte[]> record) {
        Suspect suspect = suspects.get(partition);
        if (suspect == null) {
            return false;
        }
        if (record.offset() >= suspect.untilOffset) {
            forget(partition);
            return false;
        }
        if (suspect.stage == Stage.AWAITS_RECORD) {
            suspect.fromMs = Math.max(0, record.timestamp() - CLOCK_SKEW_MS);
            boolean isCovered = suspect.scannedFromMs <= suspect.fromMs;
            suspect.stage =
                    !isCovered ? Stage.AWAITS_SCAN : scan == null ? Stage.CHECKED : Stage.IN_SCAN;
        }
        return suspect.stage != Stage.CHECKED;
    }

    /** Whether the partition must stay paused. */
    boolean holds(TopicPartition partition) {
        Suspect suspect = suspects.get(partition);
        return suspect != null
                && (suspect.stage == Stage.AWAITS_SCAN || suspect.stage == Stage.IN_SCAN);
    }

    /** Whether the job has its answer already. */
    boolean isAnswered(TopicPartition partition, PromptJob job) {
        return suspects.containsKey(partition)
                && answered.hasJob(job.getJobId().getBytes(StandardCharsets.UTF_8));
    }

    /** Whether the unreadable record has its dead letter already. */
    boolean isSetAside(TopicPartition partition, long offset) {
        String source = ResultPublisher.sourceKey(partition.topic(), partition.partition(), offset);
        return suspects.containsKey(partition)
                && answered.hasDeadLetter(source.getBytes(StandardCharsets.UTF_8));
    }

    boolean isBusy() {
        return scan != null
                || suspects.values().stream()
                        .anyMatch(suspect -> suspect.stage == Stage.AWAITS_SCAN);
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
        long fromMs =
                suspects.values().stream()
                                .filter(suspect -> suspect.stage == Stage.AWAITS_SCAN)
                                .mapToLong(suspect -> suspect.fromMs)
                                .min()
                                .orElseThrow()
                        - CLOCK_SKEW_MS;
        if (answered == null) {
            answered = new AnsweredJobs(maxIds);
        }
        // A margin once more, so that the same scan does for partitions whose first record is a
        // little older.
        scan = new CompletionScan(clients, Math.max(0, fromMs), answered);
        for (Suspect suspect : suspects.values()) {
            suspect.scannedFromMs = Math.min(suspect.scannedFromMs, Math.max(0, fromMs));
        }
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
