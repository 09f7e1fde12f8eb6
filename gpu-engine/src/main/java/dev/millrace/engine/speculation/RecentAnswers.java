package dev.millrace.engine.speculation;

/**
 * What sequences have answered lately, one after the other: jobs of one kind answer in one form, so
 * an answer can be guessed from its siblings. Guesses never show in an answer unless the model
 * chooses the same.
 */
public final class RecentAnswers {
    /** Ends an answer; no token has this id. */
    private static final int END = -1;

    private static final int CAPACITY = 1 << 14;

    /** Of what came before an answer so much is kept that its second token can be guessed. */
    private static final int LEAD_IN = 2 * PromptLookup.MIN_MATCH;

    private final int[] tokens = new int[CAPACITY];
    private int size;
    private PromptLookup lookup = new PromptLookup();

    /**
     * Adds an answer; one longer than half of what is kept, as far as that.
     *
     * @param of prompt and answer
     */
    public void add(int[] of, int numPromptTokens, int numTokens) {
        int from = Math.max(0, numPromptTokens - LEAD_IN);
        int count = Math.min(numTokens - from, CAPACITY / 2 - 1);
        if (size + count + 1 > CAPACITY) {
            System.arraycopy(tokens, size - CAPACITY / 2, tokens, 0, CAPACITY / 2);
            size = CAPACITY / 2;
            lookup = new PromptLookup();
        }
        System.arraycopy(of, from, tokens, size, count);
        size += count;
        tokens[size++] = END;
    }

    /**
     * Looks for the last tokens of {@code of[0 .. numTokens - 1]}.
     *
     * @return how many agree, or 0; see {@link PromptLookup#find}
     */
    public int find(int[] of, int numTokens) {
        int matched = lookup.find(tokens, size, of, numTokens);
        return matched > 0 && tokens[lookup.continuation()] == END ? 0 : matched;
    }

    /**
     * After a {@link #find}: how the answer went on from there.
     *
     * @param into takes as many tokens as it has room for
     * @return how many there are
     */
    public int continuation(int[] into) {
        int from = lookup.continuation();
        int count = 0;
        while (count < into.length && tokens[from + count] != END) {
            into[count] = tokens[from + count];
            count++;
        }
        return count;
    }
}
