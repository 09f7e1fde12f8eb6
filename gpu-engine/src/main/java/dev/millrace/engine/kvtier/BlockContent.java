package dev.millrace.engine.kvtier;

import java.util.Arrays;

/**
 * What a block holds.
 *
 * @param tokens [blockSize]
 */
public record BlockContent(BlockKey key, BlockKey parent, int[] tokens) {

    /** Whether it is what its key was looked up for. */
    boolean is(BlockKey itsParent, int[] sequence, int from) {
        return parent.equals(itsParent)
                && Arrays.equals(tokens, 0, tokens.length, sequence, from, from + tokens.length);
    }
}
