package dev.millrace.engine.structured;

import java.util.Arrays;

/**
 * The bytes of all tokens as a tree, laid out in depth-first order, so that a walk goes through
 * memory forwards and leaves out a subtree by one jump.
 *
 * <pre>
 * node      0       1       2       …
 * label     byte that leads here from the parent
 * depth     bytes from the root, the root itself is left out: first nodes have 1
 * end       the node behind the subtree
 * token     a token that ends here, or -1; more of them by {@link #same}
 * </pre>
 */
final class TokenTrie {
    static final int NONE = -1;

    final int vocabSize;
    private byte[] label = new byte[1024];
    private short[] depth = new short[1024];
    private int[] end = new int[1024];
    private int[] token = new int[1024];

    /** [vocabulary] the next token of the same bytes, or -1 */
    private final int[] same;

    private int size;
    private int maxDepth;

    /**
     * @param vocabSize the model's, which may be padded beyond the tokenizer's
     */
    TokenTrie(Vocabulary vocabulary, int vocabSize) {
        this.vocabSize = vocabSize;
        same = new int[vocabSize];
        Arrays.fill(same, NONE);
        byte[][] bytes = new byte[Math.min(vocabSize, vocabulary.size())][];
        Integer[] sorted = new Integer[bytes.length];
        for (int id = 0; id < bytes.length; id++) {
            bytes[id] = vocabulary.bytes(id);
            sorted[id] = id;
        }
        Arrays.sort(sorted, (x, y) -> Arrays.compareUnsigned(bytes[x], bytes[y]));
        build(bytes, sorted);
    }

    private void build(byte[][] bytes, Integer[] sorted) {
        int longest = Arrays.stream(bytes).mapToInt(b -> b.length).max().orElse(0);
        if (longest > Short.MAX_VALUE) {
            throw new IllegalArgumentException("a token of " + longest + " bytes");
        }
        int[] path = new int[longest + 1];
        byte[] before = {};
        for (int id : sorted) {
            byte[] now = bytes[id];
            if (now.length == 0) {
                continue;
            }
            int shared = Math.max(0, Arrays.mismatch(before, now));
            shared = Arrays.equals(before, now) ? now.length : shared;
            for (int d = shared + 1; d <= before.length; d++) {
                end[path[d]] = size;
            }
            for (int d = shared + 1; d <= now.length; d++) {
                path[d] = add(now[d - 1], d);
            }
            same[id] = token[path[now.length]];
            token[path[now.length]] = id;
            before = now;
        }
        for (int d = 1; d <= before.length; d++) {
            end[path[d]] = size;
        }
    }

    private int add(byte value, int at) {
        if (size == label.length) {
            label = Arrays.copyOf(label, 2 * size);
            depth = Arrays.copyOf(depth, 2 * size);
            end = Arrays.copyOf(end, 2 * size);
            token = Arrays.copyOf(token, 2 * size);
        }
        label[size] = value;
        depth[size] = (short) at;
        token[size] = NONE;
        maxDepth = Math.max(maxDepth, at);
        return size++;
    }

    int size() {
        return size;
    }

    /** Bytes of the longest token. */
    int maxDepth() {
        return maxDepth;
    }

    int label(int node) {
        return label[node] & 0xff;
    }

    int depth(int node) {
        return depth[node];
    }

    int end(int node) {
        return end[node];
    }

    /** Sets the bits of the tokens that end at a node. */
    void mark(int node, long[] bits) {
        for (int id = token[node]; id != NONE; id = same[id]) {
            bits[id >> 6] |= 1L << id;
        }
    }

    /** Whether a token begins with all of {@code bytes[from ..]} and goes on. */
    boolean goesBeyond(byte[] bytes, int from) {
        int node = 0;
        int last = size;
        for (int i = from; i < bytes.length; i++) {
            while (node < last && label[node] != bytes[i]) {
                node = end[node];
            }
            if (node >= last) {
                return false;
            }
            last = end[node];
            node++;
        }
        return node < last;
    }
}
