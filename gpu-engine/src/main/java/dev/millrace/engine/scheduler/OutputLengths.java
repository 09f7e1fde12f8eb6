package dev.millrace.engine.scheduler;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * How long outputs are expected to be, and who of the waiting is expected to be longest.
 *
 * <p>Sequences whose prompts begin alike and whose limits are of the same size form a class. A
 * class expects the mean of the outputs that it has seen, recent ones foremost; before it has seen
 * any, its limit, but no more than {@link #MOST_EXPECTED_UNSEEN}, since many limits are there for
 * safety alone.
 */
final class OutputLengths {
    /** Prompts that share so many tokens are of one class. */
    static final int CLASS_TOKENS = 64;

    static final int MOST_EXPECTED_UNSEEN = 512;

    /** So many outputs the first guess weighs, and so many the past at most. */
    private static final int GUESS_WEIGHT = 2;

    private static final int PAST_WEIGHT = 64;

    /** Classes without waiting sequences are forgotten beyond this number, longest unused first. */
    private static final int MAX_IDLE_CLASSES = 4096;

    private record Key(long prefix, int limitBits) {}

    /** One class: what it expects, and its waiting sequences by priority. */
    private static final class LengthClass {
        private final Key key;
        private final Map<Integer, Queue> queues = new HashMap<>();
        private double expected;
        private int weight = GUESS_WEIGHT;

        private LengthClass(Key key) {
            this.key = key;
            expected = Math.min(MOST_EXPECTED_UNSEEN, 1L << key.limitBits);
        }
    }

    /** The waiting sequences of one class and priority, in prefix order. */
    private static final class Queue implements Comparable<Queue> {
        private final TreeSet<WindowPlace> places = new TreeSet<>();
        private final LengthClass lengths;
        private final int priority;
        private final long number;

        private Queue(LengthClass lengths, int priority, long number) {
            this.lengths = lengths;
            this.priority = priority;
            this.number = number;
        }

        /** Higher priority first, then longer, then older. */
        @Override
        public int compareTo(Queue other) {
            int order = Integer.compare(other.priority, priority);
            if (order == 0) {
                order = Double.compare(other.lengths.expected, lengths.expected);
            }
            return order != 0 ? order : Long.compare(number, other.number);
        }
    }

    private final int blockSize;
    private final int classBlocks;
    private final Map<Key, LengthClass> inUse = new HashMap<>();
    private final LinkedHashMap<Key, LengthClass> idle = new LinkedHashMap<>();
    private final TreeSet<Queue> longestFirst = new TreeSet<>();
    private long queuesMade;
    private double expectedWaiting;

    OutputLengths(int blockSize) {
        this.blockSize = blockSize;
        classBlocks = Math.max(1, CLASS_TOKENS / blockSize);
    }

    /** Tokens that a sequence is expected to choose in all. */
    double expected(Sequence sequence) {
        Key key = key(sequence);
        LengthClass known = inUse.getOrDefault(key, idle.get(key));
        return known == null ? new LengthClass(key).expected : known.expected;
    }

    /** Tokens that the waiting sequences are expected to choose in all. */
    double expectedWaiting() {
        return expectedWaiting;
    }

    /** The first of the class that expects most, among the highest priority; null if none waits. */
    WindowPlace longest() {
        return longestFirst.isEmpty() ? null : longestFirst.first().places.first();
    }

    void add(WindowPlace place) {
        Key key = key(place.sequence);
        LengthClass of = inUse.get(key);
        if (of == null) {
            of = idle.remove(key);
            of = of == null ? new LengthClass(key) : of;
            inUse.put(key, of);
        }
        Queue queue = of.queues.get(place.priority);
        if (queue == null) {
            queue = new Queue(of, place.priority, queuesMade++);
            of.queues.put(place.priority, queue);
            longestFirst.add(queue);
        }
        queue.places.add(place);
        expectedWaiting += of.expected;
    }

    void remove(WindowPlace place) {
        LengthClass of = inUse.get(key(place.sequence));
        Queue queue = of.queues.get(place.priority);
        queue.places.remove(place);
        expectedWaiting -= of.expected;
        if (queue.places.isEmpty()) {
            longestFirst.remove(queue);
            of.queues.remove(place.priority);
        }
        if (of.queues.isEmpty()) {
            inUse.remove(of.key);
            retire(of);
        }
        if (longestFirst.isEmpty()) {
            // Whatever rounding has left behind.
            expectedWaiting = 0;
        }
    }

    /** A sequence has ended by itself after so many tokens. */
    void ended(Sequence sequence, int tokens) {
        Key key = key(sequence);
        LengthClass of = inUse.get(key);
        boolean isIdle = of == null;
        if (isIdle) {
            of = idle.remove(key);
            of = of == null ? new LengthClass(key) : of;
        }
        int waiting = 0;
        for (Queue queue : of.queues.values()) {
            longestFirst.remove(queue);
            waiting += queue.places.size();
        }
        double before = of.expected;
        of.weight = Math.min(PAST_WEIGHT, of.weight + 1);
        of.expected += (tokens - of.expected) / of.weight;
        expectedWaiting += waiting * (of.expected - before);
        longestFirst.addAll(of.queues.values());
        if (isIdle) {
            retire(of);
        }
    }

    private void retire(LengthClass of) {
        idle.put(of.key, of);
        if (idle.size() > MAX_IDLE_CLASSES) {
            idle.pollFirstEntry();
        }
    }

    private Key key(Sequence sequence) {
        int limitBits = 64 - Long.numberOfLeadingZeros(sequence.maxNewTokens() - 1L);
        int blocks = Math.min(classBlocks, sequence.numPromptTokens() / blockSize);
        return new Key(sequence.blocks().prefixHash(blocks), limitBits);
    }
}
