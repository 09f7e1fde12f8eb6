package dev.millrace.ingest;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which fingerprints have so many jobs that one partition, and so one worker, would get too large a
 * share. Counted per task and minute, in memory: a restart only means that a hot prefix counts as
 * cold for a moment.
 */
final class HotPrefixes {
    private static final int TRACKED_MAX = 10_000;
    private static final long WINDOW_MS = 60_000;

    private final int jobsPerMinute;
    private final int spread;
    private Map<Long, Integer> current = tracked();
    private Map<Long, Integer> previous = tracked();
    private long window;

    /**
     * @param jobsPerMinute more than this in the running or the last minute is hot
     * @param spread how many keys a hot fingerprint gets
     */
    HotPrefixes(int jobsPerMinute, int spread) {
        this.jobsPerMinute = jobsPerMinute;
        this.spread = spread;
    }

    /**
     * Counts the job and names the key of its ready record: the fingerprint, or one of its salted
     * forms while it is hot.
     */
    String keyOf(long fingerprint, String jobId, long nowMs) {
        rotate(nowMs / WINDOW_MS);
        int count = current.merge(fingerprint, 1, Integer::sum);
        String hex = PromptFingerprint.hex(fingerprint);
        if (count <= jobsPerMinute && previous.getOrDefault(fingerprint, 0) <= jobsPerMinute) {
            return hex;
        }
        // By job id, so that the same job always lands on the same key of the k.
        return hex + "-" + Math.floorMod(jobId.hashCode(), spread);
    }

    private void rotate(long nowWindow) {
        if (nowWindow == window) {
            return;
        }
        previous = nowWindow == window + 1 ? current : tracked();
        current = tracked();
        window = nowWindow;
    }

    /**
     * Drops the fingerprint that was not seen for the longest time, so that a million cold ones
     * cannot fill the heap.
     */
    private static Map<Long, Integer> tracked() {
        return new LinkedHashMap<>(64, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Long, Integer> eldest) {
                return size() > TRACKED_MAX;
            }
        };
    }
}
