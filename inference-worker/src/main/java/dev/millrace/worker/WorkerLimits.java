package dev.millrace.worker;

import java.time.Duration;

/**
 * Bounds that follow from a {@link WorkerConfig}.
 *
 * @param maxPollRecords most records of one poll; a quarter of the buffer at most, so that one poll
 *     cannot overfill it
 * @param resumeJobs a full buffer takes jobs again when it holds no more than this
 * @param resumeBytes the same in bytes; both are three quarters, so that a full worker does not
 *     pause and resume per job
 * @param admissionStopChars metadata length at which a partition's admission stops: three quarters
 *     of the broker's limit
 * @param idlePoll longest wait for records when there is nothing else to do
 * @param maxBlock longest time that a call to the producer blocks; bounds the flush on revoke too
 * @param retryBackoff wait after an aborted commit
 * @param closeTimeout longest wait when clients are closed
 */
record WorkerLimits(
        int maxPollRecords,
        int resumeJobs,
        long resumeBytes,
        int admissionStopChars,
        Duration idlePoll,
        Duration maxBlock,
        Duration retryBackoff,
        Duration closeTimeout) {

    static WorkerLimits of(WorkerConfig config) {
        return new WorkerLimits(
                Math.clamp(config.maxBufferedJobs() / 4, 1, 500),
                config.maxBufferedJobs() - (config.maxBufferedJobs() + 3) / 4,
                config.maxBufferedBytes() / 4 * 3,
                config.metadataLimitChars() / 4 * 3,
                min(config.commitInterval(), Duration.ofMillis(100)),
                Duration.ofSeconds(20),
                Duration.ofMillis(500),
                Duration.ofSeconds(10));
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) <= 0 ? a : b;
    }
}
