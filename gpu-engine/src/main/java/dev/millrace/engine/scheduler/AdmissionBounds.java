package dev.millrace.engine.scheduler;

/**
 * How far the prefix order may depart from the order of arrival.
 *
 * @param minOvertakers so many later sequences may be admitted before one that waits, however
 *     short the queue
 * @param overtakersPerWaiting the same as a multiple of the longest queue since it was last empty;
 *     the greater counts
 * @param minDeadlineLeadMs a deadline no further away than this is near, however short the queue
 * @param tailShare the longest sequence goes first when it is expected to take this share of the
 *     time left; infinite for never
 */
record AdmissionBounds(
        long minOvertakers, double overtakersPerWaiting, long minDeadlineLeadMs, double tailShare) {
    static final AdmissionBounds DEFAULT = new AdmissionBounds(1024, 2, 60_000, 0.5);

    long overtakers(int longestQueue) {
        return Math.max(minOvertakers, (long) (overtakersPerWaiting * longestQueue));
    }
}
