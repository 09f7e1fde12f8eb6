package dev.millrace.worker;

import dev.millrace.engine.scheduler.AdmissionBounds;
import dev.millrace.engine.scheduler.AdmissionPace;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.ToLongFunction;

/**
 * The waiting jobs of one tenant, and which of them goes next when it is the tenant's turn:
 *
 * <ol>
 *   <li>one that is due: it has been passed over as long as {@link AdmissionBounds} allow;
 *   <li>one whose deadline is near, earliest first;
 *   <li>the earliest with the prefix of the job before, so that the engine, which sees a short queue
 *       while tenants compete, still meets equal prefixes together;
 *   <li>the earliest.
 * </ol>
 *
 * All of it within the highest priority that waits (docs/adr/0020). Every choice costs a few
 * searches in sorted sets.
 */
final class TenantJobs {
    /** Deadline of a job that has none. */
    private static final long NONE = Long.MAX_VALUE;

    /**
     * A waiting job with what it is sorted by.
     *
     * @param turn in order of arrival it goes when so many jobs of the tenant have gone
     * @param deadlineMs as it was when the job was put here; {@link #NONE} for none
     */
    private record Place(InFlightJob job, long turn, long deadlineMs) {
        private int priority() {
            return job.request().priority();
        }

        private long requestId() {
            return job.request().requestId();
        }

        private Long prefix() {
            return job.job().getPrefixFingerprint();
        }

        private boolean hasDeadline() {
            return deadlineMs != NONE;
        }
    }

    private final AdmissionBounds bounds;
    private final AdmissionPace pace = new AdmissionPace();
    private final Map<Long, Place> placeOf = new HashMap<>();
    private final TreeSet<Place> byArrival = sortedBy(Place::requestId);
    private final TreeSet<Place> byTurn = sortedBy(Place::turn);
    private final TreeSet<Place> byDeadline = sortedBy(Place::deadlineMs);

    /** By fingerprint, in order of arrival; jobs without a fingerprint are in none of them. */
    private final Map<Long, TreeSet<Place>> byPrefix = new HashMap<>();

    /** By request id, from the first wait to the job's end. */
    private final Map<Long, Long> turnOf = new HashMap<>();

    /** The fingerprint of the job taken last. */
    private Long lastPrefix;

    private long numTaken;
    private int longestQueue;

    TenantJobs(AdmissionBounds bounds) {
        this.bounds = bounds;
    }

    boolean isEmpty() {
        return placeOf.isEmpty();
    }

    /** False if it waits already. */
    boolean add(InFlightJob job) {
        long requestId = job.request().requestId();
        if (placeOf.containsKey(requestId)) {
            return false;
        }
        long turn = turnOf.computeIfAbsent(requestId, id -> numTaken + placeOf.size());
        put(new Place(job, turn, deadlineMs(job)));
        longestQueue = placeOf.size() == 1 ? 1 : Math.max(longestQueue, placeOf.size());
        return true;
    }

    /** False if it does not wait. */
    boolean remove(InFlightJob job) {
        Place place = placeOf.remove(job.request().requestId());
        if (place == null) {
            return false;
        }
        byArrival.remove(place);
        byTurn.remove(place);
        byDeadline.remove(place);
        TreeSet<Place> siblings = byPrefix.get(place.prefix());
        if (siblings != null && siblings.remove(place) && siblings.isEmpty()) {
            byPrefix.remove(place.prefix());
        }
        return true;
    }

    /** The job does not wait, and will not again. */
    void forget(InFlightJob job) {
        turnOf.remove(job.request().requestId());
    }

    /** Sorts a job anew whose deadline has changed; nothing if it does not wait. */
    void deadlineChanged(InFlightJob job) {
        Place place = placeOf.get(job.request().requestId());
        if (place != null) {
            remove(job);
            put(new Place(job, place.turn(), deadlineMs(job)));
        }
    }

    /** Which job goes next; the same until one is added, removed or taken, or a deadline nears. */
    InFlightJob next(long nowMs) {
        Place first = byArrival.first();
        Place due = byTurn.first();
        if (due.turn() + bounds.overtakers(longestQueue) <= numTaken) {
            return due.job();
        }
        Place urgent = byDeadline.isEmpty() ? null : byDeadline.first();
        if (urgent != null && urgent.priority() == first.priority() && isNear(urgent, nowMs)) {
            return urgent.job();
        }
        TreeSet<Place> siblings = lastPrefix == null ? null : byPrefix.get(lastPrefix);
        boolean goesOn = siblings != null && siblings.first().priority() == first.priority();
        return goesOn ? siblings.first().job() : first.job();
    }

    /** The job that is next goes. */
    void take(InFlightJob job, long nowMs) {
        remove(job);
        lastPrefix = job.job().getPrefixFingerprint();
        numTaken++;
        pace.measure(nowMs, numTaken);
    }

    /** A job that was taken comes back unused, to its old place. */
    void giveBack(InFlightJob job) {
        numTaken--;
        add(job);
    }

    private boolean isNear(Place place, long nowMs) {
        return place.deadlineMs() - nowMs
                <= bounds.deadlineLeadMs(placeOf.size(), pace.msPerAdmission());
    }

    private void put(Place place) {
        placeOf.put(place.requestId(), place);
        byArrival.add(place);
        byTurn.add(place);
        if (place.hasDeadline()) {
            byDeadline.add(place);
        }
        if (place.prefix() != null) {
            byPrefix.computeIfAbsent(place.prefix(), prefix -> sortedBy(Place::requestId))
                    .add(place);
        }
    }

    private static long deadlineMs(InFlightJob job) {
        return job.job().getDeadline() == null ? NONE : job.job().getDeadline().toEpochMilli();
    }

    /** Higher priority first, then by key, then by arrival. */
    private static TreeSet<Place> sortedBy(ToLongFunction<Place> key) {
        return new TreeSet<>(
                Comparator.comparingInt((Place place) -> -place.priority())
                        .thenComparingLong(key)
                        .thenComparingLong(Place::requestId));
    }
}
