package dev.millrace.engine.structured;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of Unicode code points without the surrogates, as sorted ranges that do not touch.
 *
 * @param bounds first and last of each range, one after the other
 */
record CodePoints(int[] bounds) {
    private static final int LAST = 0x10FFFF;
    private static final int FIRST_SURROGATE = 0xD800;
    private static final int LAST_SURROGATE = 0xDFFF;

    static final CodePoints ALL =
            new CodePoints(new int[] {0, FIRST_SURROGATE - 1, LAST_SURROGATE + 1, LAST});

    /** Pairs of first and last, in any order; surrogates among them are dropped. */
    static CodePoints of(int... ranges) {
        List<int[]> sorted = new ArrayList<>();
        for (int i = 0; i < ranges.length; i += 2) {
            sorted.add(new int[] {ranges[i], ranges[i + 1]});
        }
        sorted.sort((x, y) -> Integer.compare(x[0], y[0]));
        Builder builder = new Builder();
        for (int[] range : sorted) {
            builder.add(range[0], Math.min(range[1], FIRST_SURROGATE - 1));
            builder.add(Math.max(range[0], LAST_SURROGATE + 1), range[1]);
        }
        return builder.build();
    }

    boolean isEmpty() {
        return bounds.length == 0;
    }

    boolean contains(int codePoint) {
        for (int i = 0; i < bounds.length; i += 2) {
            if (codePoint >= bounds[i] && codePoint <= bounds[i + 1]) {
                return true;
            }
        }
        return false;
    }

    CodePoints or(CodePoints other) {
        int[] both = new int[bounds.length + other.bounds.length];
        System.arraycopy(bounds, 0, both, 0, bounds.length);
        System.arraycopy(other.bounds, 0, both, bounds.length, other.bounds.length);
        return of(both);
    }

    CodePoints complement() {
        List<Integer> gaps = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            if (bounds[i] > next) {
                gaps.addAll(List.of(next, bounds[i] - 1));
            }
            next = bounds[i + 1] + 1;
        }
        if (next <= LAST) {
            gaps.addAll(List.of(next, LAST));
        }
        return of(gaps.stream().mapToInt(Integer::intValue).toArray());
    }

    CodePoints minus(CodePoints other) {
        return complement().or(other).complement();
    }

    private static final class Builder {
        private final List<Integer> bounds = new ArrayList<>();

        /** Ranges come in the order of their firsts. */
        void add(int first, int last) {
            if (first > last) {
                return;
            }
            int end = bounds.size() - 1;
            if (end > 0 && first <= bounds.get(end) + 1) {
                bounds.set(end, Math.max(bounds.get(end), last));
            } else {
                bounds.add(first);
                bounds.add(last);
            }
        }

        CodePoints build() {
            return new CodePoints(bounds.stream().mapToInt(Integer::intValue).toArray());
        }
    }
}
