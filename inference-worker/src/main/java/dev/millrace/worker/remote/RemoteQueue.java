package dev.millrace.worker.remote;

import java.util.Comparator;
import java.util.TreeSet;

/**
 * Requests that are not at the server: those whose turn it may be, and those that rest until their
 * next attempt.
 */
final class RemoteQueue {
    private final TreeSet<RemoteWork> ready =
            new TreeSet<>(
                    Comparator.comparingInt((RemoteWork work) -> -work.request.priority())
                            .thenComparingLong(work -> work.request.requestId()));
    private final TreeSet<RemoteWork> resting =
            new TreeSet<>(
                    Comparator.comparingLong((RemoteWork work) -> work.notBeforeMs)
                            .thenComparingLong(work -> work.request.requestId()));

    void add(RemoteWork work) {
        ready.add(work);
    }

    /** The work's turn comes no earlier than its notBeforeMs, which must not change meanwhile. */
    void rest(RemoteWork work) {
        resting.add(work);
    }

    /**
     * Takes the next one out: the higher priority first, then the earlier submission; null when
     * none is due.
     */
    RemoteWork poll(long nowMs) {
        while (!resting.isEmpty() && resting.first().notBeforeMs <= nowMs) {
            ready.add(resting.pollFirst());
        }
        return ready.pollFirst();
    }

    boolean remove(RemoteWork work) {
        return ready.remove(work) || resting.remove(work);
    }

    int size() {
        return ready.size() + resting.size();
    }

    void clear() {
        ready.clear();
        resting.clear();
    }
}
