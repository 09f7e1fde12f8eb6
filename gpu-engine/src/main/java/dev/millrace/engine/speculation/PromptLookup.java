package dev.millrace.engine.speculation;

/**
 * Guesses how a sequence goes on: as a text did after the longest occurrence of the sequence's last
 * tokens. The text is the sequence itself (prompt lookup, also called n-gram speculation) or
 * others. The occurrences are kept in chains by a hash of their last tokens, as in LZ77 coders,
 * newest first: each token enters once, and a look walks a bounded piece of a chain.
 */
public final class PromptLookup {
    /** Fewer tokens in common say little about what follows. */
    public static final int MIN_MATCH = 2;

    /** No better guess comes from comparing further back. */
    public static final int MAX_MATCH = 16;

    /** Occurrences looked at: bounds the work of a step. */
    private static final int MAX_CANDIDATES = 16;

    private static final int MIN_CAPACITY = 64;

    /** [power of two] hash of an n-gram to 1 + the position of its last token, newest; 0 is none */
    private int[] newest = {};

    /** [capacity] position to 1 + the next older position of the same hash; 0 is none */
    private int[] older = {};

    /** N-grams that end before this position are in the chains. */
    private int indexed = MIN_MATCH - 1;

    private int matched;
    private int follows;

    /**
     * Looks for the last tokens of {@code of[0 .. numTokens - 1]} in {@code text[0 .. length - 1]},
     * where at least one token follows. Among equally long occurrences the newest counts.
     *
     * @param text the same at every call, grown at its end; may be {@code of}
     * @return how many tokens agree, at most {@link #MAX_MATCH}; 0 if fewer than {@link #MIN_MATCH}
     */
    public int find(int[] text, int length, int[] of, int numTokens) {
        matched = 0;
        if (length <= MIN_MATCH || numTokens < MIN_MATCH) {
            return 0;
        }
        index(text, length - 1);
        int last = numTokens - 1;
        int candidate = newest[slot(of, last)] - 1;
        for (int i = 0; i < MAX_CANDIDATES && candidate >= 0 && matched < MAX_MATCH; i++) {
            int common = commonBefore(text, candidate, of, last);
            if (common > matched) {
                matched = common;
                follows = candidate + 1;
            }
            candidate = older[candidate] - 1;
        }
        if (matched < MIN_MATCH) {
            matched = 0;
        }
        return matched;
    }

    /** Where in the text the guess begins, after a {@link #find} that found something. */
    public int continuation() {
        return follows;
    }

    /** Enters the n-grams that end before {@code end}. */
    private void index(int[] tokens, int end) {
        if (end > older.length) {
            grow(tokens, end);
        }
        for (; indexed < end; indexed++) {
            enter(tokens, indexed);
        }
    }

    private void grow(int[] tokens, int end) {
        int capacity = Math.max(MIN_CAPACITY, Integer.highestOneBit(end) << 1);
        older = new int[capacity];
        newest = new int[capacity];
        for (int position = MIN_MATCH - 1; position < indexed; position++) {
            enter(tokens, position);
        }
    }

    private void enter(int[] tokens, int position) {
        int slot = slot(tokens, position);
        older[position] = newest[slot];
        newest[slot] = position + 1;
    }

    private int slot(int[] tokens, int last) {
        int hash = 0;
        for (int i = last - MIN_MATCH + 1; i <= last; i++) {
            hash = (hash ^ tokens[i]) * 0x9E3779B1;
        }
        return (hash ^ hash >>> 15) & newest.length - 1;
    }

    /** How many tokens of {@code text} up to and with {@code a} equal those of {@code of} up to b. */
    private static int commonBefore(int[] text, int a, int[] of, int b) {
        int limit = Math.min(MAX_MATCH, Math.min(a, b) + 1);
        int length = 0;
        while (length < limit && text[a - length] == of[b - length]) {
            length++;
        }
        return length;
    }
}
