package dev.millrace.engine.scheduler;

import dev.millrace.engine.kvcache.KvCache;
import dev.millrace.engine.kvtier.BlockArchive;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Decides what a step computes. Every sequence has computed tokens that chase its known tokens
 * under one token budget. First those that choose a token per step, then those whose prompts are
 * still computed, then waiting ones, in chunks as the budget allows: no prompt, however long,
 * keeps the others from their next token, and where the budget is larger than the number of
 * sequences a part of it is left for prompts in every step.
 *
 * <p>When a running sequence needs a block and none is left, the last one in order gives its blocks
 * back and is computed again later, cheaply where the prefix cache still has them. The order is
 * total (priority, then first admission), so that equal submissions give equal schedules.
 *
 * <p>Who of the waiting comes next is decided by the {@link WaitingWindow}. Leader first: a waiting
 * sequence whose next block is just being computed by a running one waits for it, and with it all
 * that share that block, so that a cold prefix is computed once though a thousand requests with it
 * arrive together. The wait is short: running sequences have the budget first, so where any is left
 * to admit someone, every running prompt is finished by this very step; and each step waited brings
 * at least one more block of the follower's own prompt into the cache.
 */
public final class Scheduler {
    /** So many groups of followers are passed over in one step: bounds the host's work. */
    static final int MAX_PASSED_PER_STEP = 64;

    private final KvCache kv;
    private final int maxNumSeqs;

    /** Sorted; a sequence is admitted near its place. */
    private final List<Sequence> running = new ArrayList<>();

    private final WaitingWindow waiting;
    private long numPreemptions;
    private long numAdmissions;

    public Scheduler(KvCache kv, int maxNumSeqs) {
        this.kv = kv;
        this.maxNumSeqs = maxNumSeqs;
        waiting = new WaitingWindow(kv);
    }

    void setBounds(AdmissionBounds bounds) {
        waiting.setBounds(bounds);
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
        Stream.concat(running.stream(), waiting.sequences())
                .filter(Sequence::isHeld)
                .findFirst()
                .ifPresent(held -> held.constraint().await());
    }

    void add(Sequence sequence) {
        int seen =
                sequence.choice() > 0
                        ? 0
                        : kv.seenTokens(
                                sequence.blocks(), sequence.tokens(), sequence.numTokens());
        sequence.seen(seen);
        waiting.add(sequence);
    }

    /**
     * Fills an empty step with what to compute next.
     *
     * @param nowMs for deadlines
     */
    void schedule(ScheduledStep step, long nowMs) {
        scheduleDecodes(step);
        schedulePrefills(step);
        if (step.preempted().isEmpty() && waiting.size() > 0) {
            waiting.begin(nowMs, running.size(), expectedOfRunning());
            admitWaiting(step);
            waiting.end();
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
        if (end == SequenceStatus.FINISHED) {
            waiting.lengths()
                    .ended(sequence, sequence.numTokens() - sequence.numPromptTokens());
        }
        sequence.become(end);
    }

    /** Ends all that is left of a request as ABORTED. */
    void removeAll(RequestState state) {
        for (Sequence sequence : state.sequences()) {
            if (sequence.status().isLive()) {
                remove(sequence, SequenceStatus.ABORTED);
            }
        }
    }

    private void scheduleDecodes(ScheduledStep step) {
        for (int i = 0; i < running.size() && step.budgetLeft() > 0; i++) {
            Sequence sequence = running.get(i);
            int count =
                    sequence.isPrefilling()
                            ? 0
                            : Math.min(sequence.numUncomputed(), step.budgetLeft());
            // None: the next token is still being chosen by the step under way.
            if (count > 0 && makeRoom(sequence, sequence.numScheduled() + count, step)) {
                step.add(sequence, count);
            }
        }
    }

    /** Their blocks were given at admission, so that nobody has to go for them now. */
    private void schedulePrefills(ScheduledStep step) {
        for (int i = 0; i < running.size() && step.budgetLeft() > 0; i++) {
            Sequence sequence = running.get(i);
            int left = sequence.isPrefilling() ? sequence.prefillLeft() : 0;
            if (left > 0) {
                step.add(sequence, Math.min(left, step.budgetLeft()));
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
        int passed = 0;
        while (step.budgetLeft() > 0
                && running.size() < maxNumSeqs
                && passed < MAX_PASSED_PER_STEP) {
            Sequence sequence = waiting.next();
            if (sequence == null) {
                return;
            }
            if (sequence.isHeld()) {
                waiting.passAlone(sequence);
                passed++;
                continue;
            }
            int cached =
                    kv.cachedBlocks(sequence.blocks(), sequence.tokens(), sequence.numTokens());
            if (kv.isBeingComputed(sequence.blocks(), sequence.numTokens(), cached)) {
                waiting.pass(sequence, cached);
                passed++;
                continue;
            }
            int archived =
                    kv.archivedBlocks(
                            sequence.blocks(), sequence.tokens(), sequence.numTokens(), cached);
            if (archived == BlockArchive.READING) {
                waiting.pass(sequence, cached);
                passed++;
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
            waiting.admitted(sequence);
            sequence.admit(hit, numAdmissions++);
            insertRunning(sequence);
            step.admitted().add(sequence);
            step.add(sequence, Math.min(sequence.prefillLeft(), step.budgetLeft()));
        }
    }

    /** Tokens that the running sequences will choose yet, as far as can be told. */
    private double expectedOfRunning() {
        double sum = 0;
        for (Sequence sequence : running) {
            double expected = waiting.lengths().expected(sequence);
            int chosen = sequence.numTokens() - sequence.numPromptTokens();
            // Who has outlasted its class goes on for a while.
            sum += Math.max(expected - chosen, expected / 8);
        }
        return sum;
    }

    private void insertRunning(Sequence sequence) {
        int at = running.size();
        while (at > 0 && running.get(at - 1).compareTo(sequence) > 0) {
            at--;
        }
        running.add(at, sequence);
    }
}
