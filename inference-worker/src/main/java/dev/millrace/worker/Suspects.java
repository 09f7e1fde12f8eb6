package dev.millrace.worker;

import java.util.Comparator;
import java.util.TreeSet;

/**
 * Jobs that an engine has broken over, and how many of them may be in the engine together: a small
 * company at first, so that those who were only there are soon answered; one alone when the next
 * failure would be its last, so that it is known to be the cause (docs/adr/0018). Those with the
 * fewest failures go first, then in order of arrival.
 */
final class Suspects {
    /** Suspects in the engine at one time, less those that must be alone. */
    static final int COMPANY = 32;

    private static final Comparator<InFlightJob> ORDER =
            Comparator.comparingInt(InFlightJob::failures)
                    .thenComparingLong(job -> job.request().requestId());

    private final int maxFailures;
    private final TreeSet<InFlightJob> waiting = new TreeSet<>(ORDER);
    private final TreeSet<InFlightJob> inEngine = new TreeSet<>(ORDER);

    /**
     * @param maxFailures with so many a job ends
     */
    Suspects(int maxFailures) {
        this.maxFailures = maxFailures;
    }

    void add(InFlightJob job) {
        waiting.add(job);
    }

    /**
     * The next job, now counted as in the engine; null when none waits, or it may not join those that
     * are there.
     *
     * @param numInEngine all jobs in the engine, suspects and others
     */
    InFlightJob poll(int numInEngine) {
        if (waiting.isEmpty() || numInEngine > inEngine.size()) {
            return null;
        }
        InFlightJob next = waiting.first();
        int most = inEngine.isEmpty() ? 0 : inEngine.last().failures();
        if (numInEngine >= companyOf(Math.max(most, next.failures()))) {
            return null;
        }
        waiting.remove(next);
        inEngine.add(next);
        return next;
    }

    /** A job that the engine has given back waits again. */
    void giveBack(InFlightJob job) {
        inEngine.remove(job);
        waiting.add(job);
    }

    /** The job is gone, wherever it was; any other job is not known here. */
    void remove(InFlightJob job) {
        waiting.remove(job);
        inEngine.remove(job);
    }

    int numWaiting() {
        return waiting.size();
    }

    boolean isEmpty() {
        return waiting.isEmpty() && inEngine.isEmpty();
    }

    private int companyOf(int failures) {
        return failures >= maxFailures - 1 ? 1 : COMPANY;
    }
}
