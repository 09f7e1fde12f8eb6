package dev.millrace.ops.lag;

/**
 * Work of one owner in one topic: what is unfinished, and what has finished since it was first
 * seen.
 */
final class Tally {
    final LagKey key;
    long records;
    long promptTokens;
    long finishedRecords;
    long finishedTokens;

    /** Timestamp of the oldest unfinished record, milliseconds; {@code Long.MAX_VALUE} for none. */
    long oldestMs = Long.MAX_VALUE;

    Tally(LagKey key) {
        this.key = key;
    }

    void arrived(int tokens) {
        records++;
        promptTokens += tokens;
    }

    void finished(int tokens) {
        records--;
        promptTokens -= tokens;
        finishedRecords++;
        finishedTokens += tokens;
    }

    /** Takes back an arrival that will be counted once more. */
    void forgot(int tokens) {
        records--;
        promptTokens -= tokens;
    }
}
