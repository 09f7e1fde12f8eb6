package dev.millrace.engine.structured;

import java.nio.charset.StandardCharsets;
import java.util.Random;

/** Whole texts against grammars, byte by byte: what the tests judge with. */
final class Texts {
    private Texts() {}

    static boolean matches(Nodes nodes, Node grammar, String text) {
        Node node = grammar;
        for (byte value : text.getBytes(StandardCharsets.UTF_8)) {
            node = nodes.derive(node, value & 0xff);
        }
        return node.isNullable;
    }

    /**
     * A random text of the grammar. Wants to end, so that repeats stay short; null after too many
     * bytes.
     */
    static String random(Nodes nodes, Node grammar, Random random) {
        byte[] bytes = new byte[4000];
        Node node = grammar;
        for (int n = 0; n < bytes.length; n++) {
            ByteSet starts = nodes.starts(node);
            if (starts.isEmpty() || node.isNullable && random.nextInt(4) == 0) {
                return new String(bytes, 0, n, StandardCharsets.UTF_8);
            }
            int value = n > 60 && starts.contains('"') ? '"' : pick(starts, random);
            if (n > 200 && starts.contains('}')) {
                value = '}';
            } else if (n > 200 && starts.contains(']')) {
                value = ']';
            }
            bytes[n] = (byte) value;
            node = nodes.derive(node, value);
        }
        return null;
    }

    private static int pick(ByteSet set, Random random) {
        while (true) {
            int value = random.nextInt(256);
            if (set.contains(value)) {
                return value;
            }
        }
    }
}
