package dev.millrace.engine.scheduler;

import dev.millrace.engine.kvcache.KvCache;
import dev.millrace.engine.kvtier.BlockArchive;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;

/**
 * Decides what a step computes. There are no phases: every sequence has computed tokens that chase
 * its known tokens under one token budget, running sequences first, then waiting ones. A long
 * prompt is computed in chunks, as the budget allows.
 *
 * <p>When a running sequence needs a block and none is left, the last one in order gives its blocks
 * back and is computed again later, cheaply where the prefix cache still has them. The order is
 * total (priority, then arrival), so that equal submissions give equal schedules.
 *
 * <p>Leader first: a waiting sequence whose next block is just being computed by a running one
 * waits for it, so that a cold prefix is computed once though a thousand requests with it arrive
 * together. The wait is short: running sequences have the budget first, so where any is left to
 * admit someone, every running prompt is finished by this very step; and each step waited brings at
 * least one more block of the follower's own prompt into the cache.
 */
public final class Scheduler {
    /**
     * So many followers are passed over in one step before admission ends: bounds the host's work.
     */
    static final int MAX_DEFERRED_PER_STEP = 1024;

    private final KvCache kv;
    private final int maxNumSeqs;

    /** Sorted; a sequence is admitted near its place. */
    private final List<Sequence> running = new ArrayList<>();

    private final TreeSet<Sequence> waiting = new TreeSet<>();
    private long numPreemptions;

    public Scheduler(KvCache kv, int maxNumSeqs) {
        this.kv = kv;
        this.maxNumSeqs = maxNumSeqs;
    }

    public KvCache kv() {
        return kv;
    }

    public int numRunning() {
        return running.size();
    }

    public int numWaiting() {
        return waiting.size();
    }

    /** Preemptions since start. */
    public long numPreemptions() {
        return numPreemptions;
    }

    /** Waits until a sequence that sits out may go on; for when there is nothing else to do. */
    void awaitHeld() {
        Sequence held = firstHeld(running);
        held = held != null ? held : firstHeld(waiting);
        if (held != null) {
            held.constraint().await();
        }
    }

    private static Sequence firstHeld(Iterable<Sequence> sequences) {
        for (Sequence sequence : sequences) {
            if (sequence.isHeld()) {
                return sequence;
            }
        }
        return null;
    }

    void add(Sequence sequence) {
        waiting.add(sequence);
    }

    /** Fills an empty step with what to compute next. */
    void schedule(ScheduledStep step) {
        scheduleRunning(step);
        if (step.preempted().isEmpty()) {
            admitWaiting(step);
        }
    }

    /** Ends a sequence as FINISHED or ABORTED and frees what it holds. */
    void remove(Sequence sequence, SequenceStatus end) {
        boolean known =
                sequence.status() == SequenceStatus.RUNNING
                        ? running.remove(sequence)
                        : waiting.remove(sequence);
        if (!known) {
            throw new IllegalStateException(
                    "a sequence that the scheduler does not know has ended as " + end);
        }
        kv.free(sequence.blocks());
        sequence.become(end);
    }

    private void scheduleRunning(ScheduledStep step) {
        for (int i = 0; i < running.size() && step.budgetLeft() > 0; i++) {
            Sequence sequence = running.get(i);
            int count = Math.min(sequence.numUncomputed(), step.budgetLeft());
            // None: the next token is still being chosen by the step under way.
            if (count > 0 && makeRoom(sequence, sequence.numScheduled() + count, step)) {
                step.add(sequence, count);
            }
        }
    }

    /**
     * Grows a running sequence, preempting from the end of the order; false if it had to go itself.
     */
    private boolean makeRoom(Sequence sequence, int numTokens, ScheduledStep step) {
        while (!kv.grow(sequence.blocks(), numTokens)) {
            if (running.size() == 1) {
                throw new IllegalStateException(
                        "a sequence of "
                                + numTokens
                                + " tokens does not fit an otherwise empty KV cache");
            }
            Sequence victim = running.removeLast();
            kv.free(victim.blocks());
            victim.preempt();
            waiting.add(victim);
            step.preempted().add(victim);
            numPreemptions++;
            if (victim == sequence) {
                return false;
            }
        }
        return true;
    }

    private void admitWaiting(ScheduledStep step) {
        int deferred = 0;
        Iterator<Sequence> candidates = waiting.iterator();
        while (candidates.hasNext()
                && step.budgetLeft() > 0
                && running.size() < maxNumSeqs
                && deferred < MAX_DEFERRED_PER_STEP) {
            Sequence sequence = candidates.next();
            if (sequence.isHeld()) {
                deferred++;
                continue;
            }
            int cached =
                    kv.cachedBlocks(sequence.blocks(), sequence.tokens(), sequence.numTokens());
            if (kv.isBeingComputed(sequence.blocks(), sequence.numTokens(), cached)) {
                deferred++;
                continue;
            }
            int archived =
                    kv.archivedBlocks(
                            sequence.blocks(), sequence.tokens(), sequence.numTokens(), cached);
            if (archived == BlockArchive.READING) {
                deferred++;
                continue;
            }
            int hit =
                    kv.allocate(
                            sequence.blocks(),
                            sequence.tokens(),
                            sequence.numTokens(),
                            cached,
                            archived,
                            running.isEmpty());
            if (hit < 0) {
                // Nobody overtakes: whoever is next gets the next blocks.
                return;
            }
            candidates.remove();
            sequence.admit(hit);
            insertRunning(sequence);
            step.admitted().add(sequence);
            step.add(sequence, Math.min(sequence.numUncomputed(), step.budgetLeft()));
        }
    }

    private void insertRunning(Sequence sequence) {
        int at = running.size();
        while (at > 0 && running.get(at - 1).compareTo(sequence) > 0) {
            at--;
        }
        running.add(at, sequence);
    }
}
