package dev.millrace.engine.structured;

import dev.millrace.engine.structured.Node.Kind;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The allowed tokens of a state, by a walk through the trie. The inside of a string or a number is
 * walked once wherever it stands: a mask is put together of the tokens that stay within it and, for
 * the tokens that leave it, a walk on from there (the context-independent and -dependent tokens of
 * XGrammar, arXiv 2411.15100). Counts beyond the longest token are cut to it, for no token can tell
 * them apart. Used by the helper thread alone, {@link #isShort} apart.
 */
final class MaskMaker {
    /** A state that allows so many bytes is taken for one whose walk is long. */
    private static final int MANY_BYTES = 64;

    private final Nodes nodes;
    private final CompletableFuture<TokenTrie> trie;
    private final int vocabSize;
    private final Map<Node, Walk> walks = new ConcurrentHashMap<>();
    private final Map<Node, Node> cut = new ConcurrentHashMap<>();

    /** Walked whole, by state; the oldest unused goes first. */
    private final LinkedHashMap<Node, long[]> masks;

    /**
     * What a walk through one unit finds.
     *
     * @param within tokens that stay within it or end with it
     * @param exits nodes of the trie where the unit may be over
     */
    private record Walk(long[] within, int[] exits) {}

    /**
     * @param trie may be under way; nothing is asked before it is there
     */
    MaskMaker(
            Nodes nodes, CompletableFuture<TokenTrie> trie, int vocabSize, long cacheBytes) {
        this.nodes = nodes;
        this.trie = trie;
        this.vocabSize = vocabSize;
        long maxMasks = Math.max(16, cacheBytes / (8L * words()));
        masks =
                new LinkedHashMap<>(16, 0.75f, true) {
                    @Override
                    protected boolean removeEldestEntry(Map.Entry<Node, long[]> eldest) {
                        return size() > maxMasks;
                    }
                };
    }

    private int words() {
        return (vocabSize + 63) / 64;
    }

    private TokenTrie trie() {
        return trie.join();
    }

    /** Whether the state's mask needs no long walk. Any thread. */
    boolean isShort(Node state) {
        for (Node option : options(state)) {
            Node head = head(option);
            boolean isKnown = walks.containsKey(cut(head));
            if (head.kind == Kind.UNIT ? !isKnown : nodes.starts(option).size() > MANY_BYTES) {
                return false;
            }
        }
        return true;
    }

    /** The tokens allowed in a state: those by which something may still follow it. */
    long[] mask(Node state) {
        long[] mask = masks.get(state);
        if (mask == null) {
            mask = make(state);
            masks.put(state, mask);
        }
        return mask;
    }

    private long[] make(Node state) {
        long[] bits = new long[words()];
        List<Node> others = new ArrayList<>();
        for (Node option : options(state)) {
            if (head(option).kind == Kind.UNIT) {
                addUnit(option, bits);
            } else {
                others.add(option);
            }
        }
        if (!others.isEmpty()) {
            Node[] states = new Node[trie().maxDepth() + 1];
            states[0] = nodes.choice(others);
            walk(0, trie().size(), states, bits, null);
        }
        return bits;
    }

    private void addUnit(Node option, long[] bits) {
        Node unit = head(option);
        Walk walk = walks.get(cut(unit));
        if (walk == null) {
            walk = walk(cut(unit));
            walks.put(cut(unit), walk);
        }
        for (int i = 0; i < bits.length; i++) {
            bits[i] |= walk.within()[i];
        }
        if (option == unit) {
            return;
        }
        Node[] states = new Node[trie().maxDepth() + 1];
        for (int exit : walk.exits()) {
            states[trie().depth(exit)] = option.rest;
            walk(exit + 1, trie().end(exit), states, bits, null);
        }
        if (unit.isNullable) {
            long[] behind = mask(option.rest);
            for (int i = 0; i < bits.length; i++) {
                bits[i] |= behind[i];
            }
        }
    }

    private Walk walk(Node unit) {
        long[] within = new long[words()];
        Node[] states = new Node[trie().maxDepth() + 1];
        states[0] = unit;
        IntList exits = new IntList();
        walk(0, trie().size(), states, within, exits);
        return new Walk(within, exits.toArray());
    }

    /**
     * @param states by depth; filled for the parent of node {@code from}
     */
    private void walk(int from, int to, Node[] states, long[] bits, IntList exits) {
        TokenTrie tokens = trie();
        int node = from;
        while (node < to) {
            int depth = tokens.depth(node);
            Node after = nodes.step(states[depth - 1], tokens.label(node));
            if (after == nodes.never) {
                node = tokens.end(node);
                continue;
            }
            states[depth] = after;
            tokens.mark(node, bits);
            if (exits != null && after.isNullable && tokens.end(node) > node + 1) {
                exits.add(node);
            }
            node++;
        }
    }

    private static List<Node> options(Node state) {
        return state.kind == Kind.CHOICE ? state.choices : List.of(state);
    }

    private static Node head(Node option) {
        return option.kind == Kind.SEQUENCE ? option.first : option;
    }

    /** The same for all tokens, with counts no longer than the longest of them. */
    private Node cut(Node node) {
        Node known = cut.get(node);
        if (known != null) {
            return known;
        }
        int most = trie().maxDepth() + 1;
        Node made =
                switch (node.kind) {
                    case NEVER, EMPTY, BYTES, RULE -> node;
                    case UNIT -> nodes.unit(cut(node.first));
                    case CHOICE -> nodes.choice(node.choices.stream().map(this::cut).toList());
                    case SEQUENCE -> nodes.sequence(cut(node.first), cut(node.rest));
                    case REPEAT ->
                            nodes.repeat(
                                    cut(node.first),
                                    Math.min(most, node.min),
                                    node.max == Node.UNBOUNDED ? node.max : Math.min(most, node.max));
                };
        if (node.kind == Kind.UNIT) {
            cut.put(node, made);
        }
        return made;
    }

    private static final class IntList {
        private int[] values = new int[64];
        private int size;

        void add(int value) {
            if (size == values.length) {
                values = Arrays.copyOf(values, 2 * size);
            }
            values[size++] = value;
        }

        int[] toArray() {
            return Arrays.copyOf(values, size);
        }
    }
}
