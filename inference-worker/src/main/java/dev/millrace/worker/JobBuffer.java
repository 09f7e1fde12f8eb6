package dev.millrace.worker;

import dev.millrace.engine.scheduler.AdmissionBounds;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * All jobs between delivery and commit. Bounded in count and bytes by {@link RequestIntake}, which
 * asks {@link #hasRoom} before each record. Owned by the worker's thread.
 *
 * <pre>
 * delivered ──▶ waiting ──▶ in the engine ──▶ finished ──▶ committed
 *                 ▲ ▼
 *                parked     paused by order; at most half the buffer, so that others still get through
 * </pre>
 */
final class JobBuffer {
    private enum Place {
        WAITING,
        PARKED,
        IN_ENGINE
    }

    /** A job that has not ended, and where it is. */
    private static final class Open {
        private InFlightJob job;
        private Place place;

        private Open(InFlightJob job) {
            this.job = job;
        }
    }

    private final WorkerConfig config;
    private final WorkerLimits limits;
    private final Map<Long, Open> open = new LinkedHashMap<>();
    private final FairQueue waiting;
    private final Suspects suspects;
    private final TreeSet<InFlightJob> byDeadline =
            new TreeSet<>(
                    Comparator.comparing((InFlightJob job) -> job.job().getDeadline())
                            .thenComparing(job -> job.request().requestId()));
    private final List<FinishedJob> finished = new ArrayList<>();
    private int numInEngine;
    private int numParked;
    private long parkedBytes;
    private long bytes;
    private long oldestFinishedMs;
    private boolean isFull;

    JobBuffer(WorkerConfig config, WorkerLimits limits) {
        this.config = config;
        this.limits = limits;
        waiting = new FairQueue(config.tenantWeights(), AdmissionBounds.DEFAULT);
        suspects = new Suspects(config.maxEngineFailures());
    }

    /** Room for one more record of this size; an empty buffer takes any size. */
    boolean hasRoom(int recordBytes) {
        return count() == 0
                || count() < config.maxBufferedJobs()
                        && bytes + recordBytes <= config.maxBufferedBytes();
    }

    /** Room for one more paused job; an empty parking place takes any size. */
    boolean hasParkingRoom(int recordBytes) {
        return numParked == 0
                || numParked < config.maxBufferedJobs() / 2
                        && parkedBytes + recordBytes <= config.maxBufferedBytes() / 2;
    }

    /** True from the moment the buffer is full until a quarter of it is free again. */
    boolean isFull() {
        boolean overUpper =
                count() >= config.maxBufferedJobs() || bytes >= config.maxBufferedBytes();
        boolean overLower = count() > limits.resumeJobs() || bytes > limits.resumeBytes();
        isFull = overUpper || isFull && overLower;
        return isFull;
    }

    /** A new job: waits for the engine, or is parked. */
    void add(InFlightJob job, boolean isPaused) {
        Open entry = new Open(job);
        open.put(job.request().requestId(), entry);
        bytes += job.bytes();
        rememberDeadline(job);
        enter(entry, isPaused ? Place.PARKED : Place.WAITING);
    }

    /**
     * The waiting job whose turn it is, now counted as in the engine; null when none waits, or none
     * may join those that are there. While there are suspects, it is one of them.
     */
    InFlightJob nextForEngine(long nowMs) {
        InFlightJob job = hasSuspects() ? suspects.poll(numInEngine) : waiting.poll(nowMs);
        if (job != null) {
            open.get(job.request().requestId()).place = Place.IN_ENGINE;
            numInEngine++;
        }
        return job;
    }

    /** A job that the engine gave back waits again, or is parked. */
    void takenBack(InFlightJob job, boolean isPaused) {
        Open entry = open.get(job.request().requestId());
        numInEngine--;
        if (isPaused) {
            suspects.remove(job);
            waiting.close(job);
            enter(entry, Place.PARKED);
        } else {
            entry.place = Place.WAITING;
            if (job.isSuspect()) {
                suspects.giveBack(job);
            } else {
                waiting.giveBack(job);
            }
        }
    }

    /** A waiting job is parked, or a parked one waits again. */
    void park(InFlightJob job, boolean isPaused) {
        Open entry = open.get(job.request().requestId());
        leave(entry);
        enter(entry, isPaused ? Place.PARKED : Place.WAITING);
    }

    /** Puts a changed job in the place of the same job, which must not be in the engine. */
    void replace(InFlightJob job, InFlightJob changed) {
        Open entry = open.get(job.request().requestId());
        Place place = entry.place;
        leave(entry);
        entry.job = changed;
        enter(entry, place);
    }

    /**
     * Takes a job out, wherever it is; null if it is not there, for example because its partition
     * was revoked.
     */
    InFlightJob remove(long requestId) {
        Open entry = open.remove(requestId);
        if (entry == null) {
            return null;
        }
        leave(entry);
        bytes -= entry.job.bytes();
        forgetDeadline(entry.job);
        return entry.job;
    }

    /**
     * Tells the tenant's account what a job in the engine has cost; to be called before it is
     * removed.
     */
    void settle(long requestId, long tokens) {
        Open entry = open.get(requestId);
        if (entry != null && entry.place == Place.IN_ENGINE) {
            waiting.settle(entry.job, tokens);
        }
    }

    void setDeadline(InFlightJob job, Instant deadline) {
        forgetDeadline(job);
        job.job().setDeadline(deadline);
        rememberDeadline(job);
        waiting.deadlineChanged(job);
    }

    void finished(FinishedJob job, long nowMs) {
        job.ledger.finish(job.offset);
        if (finished.isEmpty()) {
            oldestFinishedMs = nowMs;
        }
        finished.add(job);
        bytes += job.bytes;
    }

    /** The job whose deadline has passed first, or null if none has. */
    InFlightJob nextOverdue(long nowMs) {
        if (byDeadline.isEmpty()
                || Instant.ofEpochMilli(nowMs).isBefore(byDeadline.first().job().getDeadline())) {
            return null;
        }
        return byDeadline.first();
    }

    /** Drops the jobs of revoked ledgers and returns those that the engine must abort. */
    List<InFlightJob> dropRevoked() {
        List<InFlightJob> toAbort = new ArrayList<>();
        for (InFlightJob job : unfinished()) {
            if (job.ledger().isRevoked()) {
                if (isInEngine(job)) {
                    toAbort.add(job);
                }
                remove(job.request().requestId());
            }
        }
        for (FinishedJob job : finished) {
            bytes -= job.ledger.isRevoked() ? job.bytes : 0;
        }
        finished.removeIf(job -> job.ledger.isRevoked());
        return toAbort;
    }

    /** Drops all that has not ended and returns what the engine must abort. */
    List<InFlightJob> dropUnfinished() {
        List<InFlightJob> inEngine = new ArrayList<>(inEngine());
        unfinished().forEach(job -> remove(job.request().requestId()));
        return inEngine;
    }

    /** The commit of all finished jobs has succeeded. */
    void clearFinished() {
        for (FinishedJob job : finished) {
            bytes -= job.bytes;
        }
        finished.clear();
    }

    List<FinishedJob> finished() {
        return finished;
    }

    /** When the oldest of the finished jobs ended; only meaningful while there is one. */
    long oldestFinishedMs() {
        return oldestFinishedMs;
    }

    /** Jobs that have not ended, in order of arrival; a copy. */
    Collection<InFlightJob> unfinished() {
        return open.values().stream().map(entry -> entry.job).toList();
    }

    /** Jobs that the engine has, in order of arrival; a copy. */
    Collection<InFlightJob> inEngine() {
        return open.values().stream()
                .filter(entry -> entry.place == Place.IN_ENGINE)
                .map(entry -> entry.job)
                .toList();
    }

    boolean isInEngine(InFlightJob job) {
        return open.get(job.request().requestId()).place == Place.IN_ENGINE;
    }

    boolean isParked(InFlightJob job) {
        return open.get(job.request().requestId()).place == Place.PARKED;
    }

    int count() {
        return open.size() + finished.size();
    }

    int numInEngine() {
        return numInEngine;
    }

    int numWaiting() {
        return waiting.size() + suspects.numWaiting();
    }

    /** Whether jobs wait or run that an engine has broken over; no others are begun meanwhile. */
    boolean hasSuspects() {
        return !suspects.isEmpty();
    }

    int numParked() {
        return numParked;
    }

    /** Tenants with jobs that wait or run. */
    int numTenants() {
        return waiting.numTenants();
    }

    long bytes() {
        return bytes;
    }

    private void enter(Open entry, Place place) {
        entry.place = place;
        if (place == Place.PARKED) {
            numParked++;
            parkedBytes += entry.job.bytes();
        } else {
            waiting.open(entry.job);
            if (entry.job.isSuspect()) {
                suspects.add(entry.job);
            } else {
                waiting.add(entry.job);
            }
        }
    }

    private void leave(Open entry) {
        suspects.remove(entry.job);
        switch (entry.place) {
            case PARKED -> {
                numParked--;
                parkedBytes -= entry.job.bytes();
            }
            case WAITING -> {
                waiting.remove(entry.job);
                waiting.close(entry.job);
            }
            case IN_ENGINE -> {
                numInEngine--;
                waiting.close(entry.job);
            }
        }
    }

    private void rememberDeadline(InFlightJob job) {
        if (job.job().getDeadline() != null) {
            byDeadline.add(job);
        }
    }

    private void forgetDeadline(InFlightJob job) {
        if (job.job().getDeadline() != null) {
            byDeadline.remove(job);
        }
    }
}
