package dev.millrace.engine.scheduler;

/**
 * How far the prefix order may depart from the order of arrival.
 *
 * @param minOvertakers a sequence is due when, beyond all that waited when it came, so many have
 *     been admitted
 * @param overtakersPerWaiting the same per sequence that waited when it came; the greater counts
 * @param minDeadlineLeadMs a deadline no further away than this is near, however short the queue
 */
record AdmissionBounds(long minOvertakers, int overtakersPerWaiting, long minDeadlineLeadMs) {
    static final AdmissionBounds DEFAULT = new AdmissionBounds(1024, 2, 60_000);

    /**
     * The count of admissions at which a sequence is due that comes when {@code admitted} have been
     * admitted and {@code waiting} wait.
     */
    long turn(long admitted, int waiting) {
        return admitted + waiting + Math.max(minOvertakers, (long) overtakersPerWaiting * waiting);
    }
}
