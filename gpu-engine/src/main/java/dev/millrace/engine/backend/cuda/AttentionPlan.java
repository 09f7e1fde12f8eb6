package dev.millrace.engine.backend.cuda;

import java.util.Arrays;

/**
 * What attention of one step does, as the work lists of {@code cuda/README.md}. Filled again for
 * each step; the arrays grow to the largest step and stay.
 */
final class AttentionPlan {
    /** Ints of a work item. */
    static final int ITEM = 8;

    final IntList decode = new IntList();
    final IntList prefill = new IntList();

    /** Tokens whose output is merged from partials. */
    final IntList combineTokens = new IntList();

    /** [combined tokens + 1] first partial of each in {@link #combinePartials} */
    final IntList combineStarts = new IntList();

    final IntList combinePartials = new IntList();

    /** Rows of partial output that the items write. */
    int numPartials;

    /** Sequences whose common prefix is read once, for the account of what was saved. */
    int sharedSequences;

    /** A list of ints that keeps its memory. */
    static final class IntList {
        private int[] values = new int[64];
        private int size;

        void add(int... more) {
            if (size + more.length > values.length) {
                values = Arrays.copyOf(values, Math.max(2 * values.length, size + more.length));
            }
            System.arraycopy(more, 0, values, size, more.length);
            size += more.length;
        }

        int size() {
            return size;
        }

        int get(int i) {
            return values[i];
        }

        int[] array() {
            return values;
        }

        void clear() {
            size = 0;
        }
    }

    int decodeItems() {
        return decode.size() / ITEM;
    }

    int prefillItems() {
        return prefill.size() / ITEM;
    }

    int combined() {
        return combineTokens.size();
    }

    void clear() {
        decode.clear();
        prefill.clear();
        combineTokens.clear();
        combineStarts.clear();
        combinePartials.clear();
        combineStarts.add(0);
        numPartials = 0;
        sharedSequences = 0;
    }

    /** One item: queries tokenBegin .. tokenEnd - 1 over positions kvBegin .. kvEnd - 1. */
    record Item(
            int tableRow,
            int tokenBegin,
            int tokenEnd,
            int firstRow,
            int kvBegin,
            int kvEnd,
            int visibleBase,
            int partialBase) {
        void addTo(IntList list) {
            list.add(
                    tableRow,
                    tokenBegin,
                    tokenEnd,
                    firstRow,
                    kvBegin,
                    kvEnd,
                    visibleBase,
                    partialBase);
        }
    }

    /** Fills a list up to {@code items} with items that do nothing. */
    static void pad(IntList list, int items) {
        while (list.size() < items * ITEM) {
            list.add(0, 0, 0, 0, 0, 0, -1, -1);
        }
    }

    /** Fills the merge up to {@code tokens} with entries that do nothing. */
    void padCombine(int tokens) {
        while (combineTokens.size() < tokens) {
            combineTokens.add(-1);
            combineStarts.add(combinePartials.size());
        }
    }
}
