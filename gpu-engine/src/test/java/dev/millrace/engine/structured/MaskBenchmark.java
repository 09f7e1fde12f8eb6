package dev.millrace.engine.structured;

import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * What masks cost with a vocabulary of a million made-up tokens: run {@code main}. Prints the trie's
 * size and, for a schema's states along one text, the first and the later walks.
 */
final class MaskBenchmark {
    private static final int TOKENS = 1_000_000;
    private static final int[] EOS = {0};
    private static final String SCHEMA =
            """
            {"type":"object","properties":{"name":{"type":"string","maxLength":200},
             "tags":{"type":"array","items":{"type":"string"}},"size":{"type":"number"}},
             "required":["name","tags","size"],"additionalProperties":false}
            """;
    private static final String TEXT =
            "{\"name\": \"Ann Lee, of number 12\", \"tags\": [\"one\", \"two\"], \"size\": -12.5e3}";

    private MaskBenchmark() {}

    /** Letters, digits, signs and blanks in tokens of 1 to 12 bytes; all 256 bytes by themselves. */
    private record MadeUp(byte[][] tokens) implements Vocabulary {
        static MadeUp of(Random random) {
            String letters = "etaoinshrdlcumwfgypbvkjxqz ETAOINS0123456789,.:;\"{}[]-_/\\\n";
            byte[][] tokens = new byte[TOKENS][];
            for (int i = 0; i < TOKENS; i++) {
                byte[] bytes = new byte[i < 257 ? 1 : 2 + random.nextInt(11)];
                for (int k = 0; k < bytes.length; k++) {
                    double skewed = random.nextDouble() * random.nextDouble();
                    bytes[k] = (byte) letters.charAt((int) (letters.length() * skewed));
                }
                tokens[i] = i == 0 ? new byte[0] : i < 257 ? new byte[] {(byte) (i - 1)} : bytes;
            }
            return new MadeUp(tokens);
        }

        @Override
        public int size() {
            return tokens.length;
        }

        @Override
        public byte[] bytes(int tokenId) {
            return tokens[tokenId];
        }

        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            Arrays.setAll(ids, i -> 1 + (bytes[i] & 0xff));
            return ids;
        }

        @Override
        public boolean stripsFirstSpace() {
            return false;
        }
    }

    /** Prints a table; no arguments. */
    public static void main(String[] args) throws IOException {
        Vocabulary vocabulary = MadeUp.of(new Random(1));
        for (int round = 0; round < 3; round++) {
            long began = System.nanoTime();
            TokenTrie trie = new TokenTrie(vocabulary, TOKENS);
            double build = millis(began);
            Automaton automaton = new Automaton(
                            vocabulary,
                            CompletableFuture.completedFuture(trie),
                            TOKENS,
                            EOS,
                            Runnable::run);
            Node state = SchemaReader.read(automaton.json, new ObjectMapper().readTree(SCHEMA));
            List<Double> times = new ArrayList<>();
            for (byte value : TEXT.getBytes(StandardCharsets.UTF_8)) {
                began = System.nanoTime();
                automaton.mask(state).bits();
                times.add(millis(began));
                state = automaton.nodes.derive(state, value & 0xff);
            }
            times.sort(null);
            System.out.printf(
                    "round %d: trie of %d nodes in %.0f ms; %d states: median %.3f ms, longest"
                            + " %.1f %.1f %.1f ms%n",
                    round,
                    trie.size(),
                    build,
                    times.size(),
                    times.get(times.size() / 2),
                    times.getLast(),
                    times.get(times.size() - 2),
                    times.get(times.size() - 3));
        }
    }

    private static double millis(long began) {
        return (System.nanoTime() - began) / 1e6;
    }
}
