package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.kvcache.KvCache;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The waiting sequences, and who of them is admitted next:
 *
 * <ol>
 *   <li>one that was preempted, so that it does not lose what it has;
 *   <li>one that is due: the order has passed over it long enough ({@link AdmissionBounds});
 *   <li>one whose deadline is near, earliest first: the window's turn might come too late;
 *   <li>towards the end of the work, the one that is expected to run longest, so that it does not
 *       run alone when the others are done (longest processing time first, Graham 1969);
 *   <li>the next in prefix order ({@link WindowScan}).
 * </ol>
 *
 * All of it within the highest priority that waits. Every choice costs a few searches in sorted
 * sets, however many wait.
 */
final class WaitingWindow {
    private static final Comparator<WindowPlace> BY_TURN =
            Comparator.<WindowPlace>comparingInt(place -> -place.priority)
                    .thenComparingLong(place -> place.turn)
                    .thenComparingLong(place -> place.arrival);

    private static final Comparator<WindowPlace> BY_DEADLINE =
            Comparator.<WindowPlace>comparingInt(place -> -place.priority)
                    .thenComparingLong(WaitingWindow::deadlineMs)
                    .thenComparing(Comparator.naturalOrder());

    private final KvCache kv;
    private AdmissionBounds bounds = AdmissionBounds.DEFAULT;
    private final Map<Sequence, WindowPlace> placeOf = new HashMap<>();
    private final TreeSet<WindowPlace> places = new TreeSet<>();
    private final TreeSet<WindowPlace> byTurn = new TreeSet<>(BY_TURN);
    private final TreeSet<WindowPlace> byDeadline = new TreeSet<>(BY_DEADLINE);
    private final TreeSet<Sequence> preempted = new TreeSet<>();
    private final WindowScan scan = new WindowScan(places);
    private final OutputLengths lengths;
    private final AdmissionPace pace = new AdmissionPace();
    private long admitted;
    private int longestQueue;
    private long nowMs;
    private boolean isTail;
    private boolean holdsSpecial;

    WaitingWindow(KvCache kv) {
        this.kv = kv;
        lengths = new OutputLengths(kv.blockSize());
    }

    void setBounds(AdmissionBounds bounds) {
        this.bounds = bounds;
    }

    int size() {
        return places.size() + preempted.size();
    }

    OutputLengths lengths() {
        return lengths;
    }

    void add(Sequence sequence) {
        kv.want(sequence.blocks(), sequence.tokens(), sequence.numTokens());
        if (sequence.wasAdmitted()) {
            preempted.add(sequence);
            return;
        }
        WindowPlace place = WindowPlace.of(sequence, admitted + size());
        placeOf.put(sequence, place);
        longestQueue = placeOf.size() == 1 ? 1 : Math.max(longestQueue, placeOf.size());
        places.add(place);
        byTurn.add(place);
        lengths.add(place);
        if (hasDeadline(place)) {
            byDeadline.add(place);
        }
    }

    /** Takes a sequence out, admitted or gone; false if it does not wait. */
    boolean remove(Sequence sequence) {
        WindowPlace place = placeOf.remove(sequence);
        if (place != null) {
            places.remove(place);
            byTurn.remove(place);
            byDeadline.remove(place);
            lengths.remove(place);
        } else if (!sequence.wasAdmitted() || !preempted.remove(sequence)) {
            return false;
        }
        kv.unwant(sequence.blocks(), sequence.tokens());
        return true;
    }

    /**
     * A step's admissions begin.
     *
     * @param expectedRunning tokens that the running sequences are expected to choose yet
     */
    void begin(long stepNowMs, int numRunning, double expectedRunning) {
        nowMs = stepNowMs;
        pace.measure(nowMs, admitted);
        holdsSpecial = false;
        isTail = isTail(numRunning, expectedRunning);
        scan.begin();
    }

    /** Who is to be admitted next; null if nobody is. */
    Sequence next() {
        Sequence special = holdsSpecial ? null : special();
        if (special != null) {
            return special;
        }
        WindowPlace place = scan.next();
        return place == null ? null : place.sequence;
    }

    /**
     * The one that is next has to wait for this step: its block {@code depth} is just being
     * computed.
     */
    void pass(Sequence sequence, int depth) {
        if (!holdsSpecial && special() == sequence) {
            holdsSpecial = true;
        } else {
            scan.pass(placeOf.get(sequence), depth);
        }
    }

    /** The one that is next has to wait, for a reason that is its own. */
    void passAlone(Sequence sequence) {
        if (!holdsSpecial && special() == sequence) {
            holdsSpecial = true;
        } else {
            scan.passAlone(placeOf.get(sequence));
        }
    }

    /** All that wait, in the order of their places. */
    Stream<Sequence> sequences() {
        return Stream.concat(preempted.stream(), places.stream().map(place -> place.sequence));
    }

    /** The one that is next was admitted. */
    void admitted(Sequence sequence) {
        WindowPlace place = placeOf.get(sequence);
        remove(sequence);
        if (place != null) {
            scan.taken(place);
            admitted++;
        }
    }

    /** A step's admissions end. */
    void end() {
        scan.end();
        kv.goOnFrom(scan.path());
    }

    private Sequence special() {
        if (!preempted.isEmpty()
                && (places.isEmpty()
                        || preempted.first().request().request().priority()
                                >= places.first().priority)) {
            return preempted.first();
        }
        if (places.isEmpty()) {
            return null;
        }
        WindowPlace due = byTurn.first();
        if (due.turn + bounds.overtakers(longestQueue) <= admitted) {
            return due.sequence;
        }
        WindowPlace urgent = byDeadline.isEmpty() ? null : byDeadline.first();
        if (urgent != null && urgent.priority == due.priority && isNear(urgent)) {
            return urgent.sequence;
        }
        return isTail ? lengths.longest().sequence : null;
    }

    private boolean isNear(WindowPlace place) {
        return deadlineMs(place) - nowMs <= bounds.deadlineLeadMs(size(), pace.msPerAdmission());
    }

    /**
     * Whether the longest sequence would outlast the others if it were not begun soon: it is
     * expected to take much of the time left, and is clearly longer than the mean.
     */
    private boolean isTail(int numRunning, double expectedRunning) {
        if (places.isEmpty() || numRunning == 0) {
            return false;
        }
        double longest = lengths.expected(lengths.longest().sequence);
        double mean = lengths.expectedWaiting() / places.size();
        double stepsLeft = (lengths.expectedWaiting() + expectedRunning) / numRunning;
        return longest >= bounds.tailShare() * stepsLeft && longest >= 1.25 * mean;
    }

    private static boolean hasDeadline(WindowPlace place) {
        return deadlineMs(place) != EngineRequest.NO_DEADLINE;
    }

    private static long deadlineMs(WindowPlace place) {
        return place.sequence.request().request().deadlineMs();
    }
}
