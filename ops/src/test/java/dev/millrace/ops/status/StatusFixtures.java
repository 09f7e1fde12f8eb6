package dev.millrace.ops.status;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.WorkerStats;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.zip.CRC32;

/** Records as the sink and the workers write them, and commit metadata as its format description says. */
final class StatusFixtures {
    static final Instant T0 = Instant.parse("2026-01-02T03:04:05Z");

    private StatusFixtures() {}

    static Instant at(long seconds) {
        return T0.plusSeconds(seconds);
    }

    /** A batch of {@code total} jobs that has run for {@code seconds}. */
    static BatchProgress batch(String id, BatchStatus status, long completed, long total, long seconds) {
        return BatchProgress.newBuilder()
                .setBatchId(id).setStatus(status).setTotal(total).setCompleted(completed)
                .setCreatedAt(T0).setInProgressAt(T0).setUpdatedAt(at(seconds))
                .build();
    }

    static WorkerStats worker(String id, String state, Instant at) {
        return WorkerStats.newBuilder()
                .setWorkerId(id).setPool("default").setModel("demo").setDevice("cpu").setState(state)
                .setAssignedPartitions(List.of(0, 2)).setRunning(7).setWaiting(3).setUnfinished(10)
                .setKvBlocksUsed(25).setKvBlocksTotal(100).setJobsFinished(40).setPreemptions(0)
                .setPromptTokens(1000).setCachedTokens(250).setIdealCachedTokens(400).setCompletionTokens(300)
                .setPromptTokensPerSecond(1234.4).setCompletionTokensPerSecond(56.0)
                .setStartedAt(T0).setAt(at)
                .build();
    }

    /** Commit metadata with one run of finished offsets, written by hand after the codec's description. */
    static String metadata(int committed, int gap, int length) {
        if (committed > 127 || gap > 127 || length > 127) {
            throw new IllegalArgumentException("one-byte varints only");
        }
        ByteBuffer bytes = ByteBuffer.allocate(12);
        bytes.put((byte) 'M').put((byte) 'R').put((byte) 1).put((byte) 'r').putInt(0);
        byte noReplay = 0;
        bytes.put((byte) committed).put(noReplay).put((byte) gap).put((byte) length);
        CRC32 crc = new CRC32();
        crc.update(bytes.array(), 0, 4);
        crc.update(bytes.array(), 8, 4);
        bytes.putInt(4, (int) crc.getValue());
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array());
    }
}
