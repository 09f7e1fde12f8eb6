package dev.millrace.engine.structured;

/** A set of byte values as 256 bits. */
record ByteSet(long a, long b, long c, long d) {
    static final ByteSet NONE = new ByteSet(0, 0, 0, 0);

    /** All values from {@code low} to {@code high}, both in 0 .. 255. */
    static ByteSet range(int low, int high) {
        long[] words = new long[4];
        for (int value = low; value <= high; value++) {
            words[value >> 6] |= 1L << value;
        }
        return new ByteSet(words[0], words[1], words[2], words[3]);
    }

    static ByteSet of(int value) {
        return range(value, value);
    }

    boolean contains(int value) {
        long word =
                switch (value >> 6) {
                    case 0 -> a;
                    case 1 -> b;
                    case 2 -> c;
                    default -> d;
                };
        return (word >>> value & 1) != 0;
    }

    ByteSet or(ByteSet other) {
        return new ByteSet(a | other.a, b | other.b, c | other.c, d | other.d);
    }

    boolean isEmpty() {
        return (a | b | c | d) == 0;
    }

    int size() {
        return Long.bitCount(a) + Long.bitCount(b) + Long.bitCount(c) + Long.bitCount(d);
    }

    /** The smallest value; -1 in an empty set. */
    int first() {
        for (int value = 0; value < 256; value++) {
            if (contains(value)) {
                return value;
            }
        }
        return -1;
    }
}
