package dev.millrace.engine.structured;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * The states of all grammars of one generation, and what is known of them. When a generation has
 * grown too large, the next constraint begins a new one; the old goes with its last sequence. The
 * engine's thread asks; walks through the vocabulary are the helper's.
 */
final class Automaton {
    private static final int STATES_MAX = 4096;
    private static final long MASK_BYTES_MAX = 64L << 20;

    final Nodes nodes = new Nodes();
    final JsonText json = new JsonText(nodes);
    private final Vocabulary vocabulary;
    private final int eos;
    private final int[] eosIds;
    private final Executor helper;
    private final CompletableFuture<TokenTrie> trie;
    private final MaskMaker masks;
    private final ForcedTokens forcedTokens;
    private final Map<Node, TokenMask> known;
    private final Map<Node, int[]> forced = lastUsed(STATES_MAX);

    /**
     * @param trie may be under way; until it is there, all masks are far off
     * @param vocabSize the model's
     * @param eosIds tokens that end a text; the first is chosen where the end is forced
     * @param helper runs one task after the other
     */
    Automaton(
            Vocabulary vocabulary,
            CompletableFuture<TokenTrie> trie,
            int vocabSize,
            int[] eosIds,
            Executor helper) {
        this.vocabulary = vocabulary;
        this.trie = trie;
        this.eosIds = eosIds;
        this.eos = eosIds[0];
        this.helper = helper;
        long maskBytes = Math.max(1, vocabSize / 8);
        known = lastUsed((int) Math.clamp(MASK_BYTES_MAX / maskBytes, 64, STATES_MAX));
        masks = new MaskMaker(nodes, trie, vocabSize, MASK_BYTES_MAX);
        forcedTokens = new ForcedTokens(nodes, vocabulary, trie);
    }

    TokenMask mask(Node state) {
        TokenMask mask = known.get(state);
        if (mask == null) {
            boolean isLong = !trie.isDone() || !masks.isShort(state);
            mask =
                    new TokenMask(
                            CompletableFuture.supplyAsync(() -> withEnd(state), helper), isLong);
            known.put(state, mask);
        }
        return mask;
    }

    /** Runs on the helper. */
    private long[] withEnd(Node state) {
        long[] bits = masks.mask(state);
        if (!state.isNullable) {
            return bits;
        }
        long[] all = bits.clone();
        for (int id : eosIds) {
            all[id >> 6] |= 1L << id;
        }
        return all;
    }

    Node after(Node state, int token) {
        Node node = state;
        byte[] bytes = vocabulary.bytes(token);
        for (byte value : bytes) {
            node = nodes.derive(node, value & 0xff);
        }
        if (node == nodes.never || bytes.length == 0) {
            throw new IllegalStateException("token " + token + " is not allowed by the constraint");
        }
        return node;
    }

    int[] forced(Node state) {
        return forced.computeIfAbsent(state, this::force);
    }

    private int[] force(Node state) {
        return state == nodes.empty ? new int[] {eos} : forcedTokens.of(state);
    }

    private static <T> Map<Node, T> lastUsed(int most) {
        return new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Node, T> eldest) {
                return size() > most;
            }
        };
    }
}
