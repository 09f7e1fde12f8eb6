package dev.millrace.engine.structured;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/**
 * The tokens that follow without a choice: where the grammar allows one text only, that text as the
 * tokenizer writes it. A token is left to the model where a longer one could reach beyond the forced
 * text, and so is what the tokenizer does not write byte for byte.
 */
final class ForcedTokens {
    private static final int BYTES_MAX = 512;
    private static final int[] NONE = {};

    private final Nodes nodes;
    private final Vocabulary vocabulary;
    private final CompletableFuture<TokenTrie> trie;

    ForcedTokens(Nodes nodes, Vocabulary vocabulary, CompletableFuture<TokenTrie> trie) {
        this.nodes = nodes;
        this.vocabulary = vocabulary;
        this.trie = trie;
    }

    /** None where there is a choice. */
    int[] of(Node state) {
        ByteArrayOutputStream run = new ByteArrayOutputStream();
        Node node = state;
        while (!node.isNullable && nodes.starts(node).size() == 1 && run.size() < BYTES_MAX) {
            int value = nodes.starts(node).first();
            run.write(value);
            node = nodes.derive(node, value);
        }
        if (run.size() == 0) {
            return NONE;
        }
        byte[] bytes = run.toByteArray();
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (!Arrays.equals(text.getBytes(StandardCharsets.UTF_8), bytes)) {
            return NONE;
        }
        // Behind the end of everything no token can reach.
        boolean isEnd = node == nodes.empty;
        int[] tokens = vocabulary.encode(text);
        int at = 0;
        int count = 0;
        while (count < tokens.length
                && isAt(vocabulary.bytes(tokens[count]), bytes, at)
                && (isEnd || !trie.join().goesBeyond(bytes, at))) {
            at += vocabulary.bytes(tokens[count++]).length;
        }
        return Arrays.copyOf(tokens, count);
    }

    private static boolean isAt(byte[] token, byte[] bytes, int at) {
        return token.length > 0
                && at + token.length <= bytes.length
                && Arrays.equals(token, 0, token.length, bytes, at, at + token.length);
    }
}
