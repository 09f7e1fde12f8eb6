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
public record AdmissionBounds(
        long minOvertakers, double overtakersPerWaiting, long minDeadlineLeadMs, double tailShare) {
    public static final AdmissionBounds DEFAULT = new AdmissionBounds(1024, 2, 60_000, 0.5);

    /** Whoever has been passed over by so many beyond its turn is due. */
    public long overtakers(int longestQueue) {
        return Math.max(minOvertakers, (long) (overtakersPerWaiting * longestQueue));
    }

    /**
     * A deadline no further away than this is near: it might be too late by the time that all who
     * wait now have had their turn twice.
     */
    public double deadlineLeadMs(int waiting, double msPerAdmission) {
        return Math.max(minDeadlineLeadMs, 2 * waiting * msPerAdmission);
    }
}
