package dev.millrace.engine.structured;

import java.util.ArrayList;
import java.util.List;

/**
 * Code points as UTF-8 bytes (RFC 3629). A range is cut where the length changes and then, from the
 * last byte up, into pieces in which each byte runs through a range of its own.
 */
final class Utf8 {
    private static final int[] LAST_OF_LENGTH = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};

    private Utf8() {}

    /** One character out of the set. */
    static Node node(Nodes nodes, CodePoints set) {
        List<Node> pieces = new ArrayList<>();
        int[] bounds = set.bounds();
        for (int i = 0; i < bounds.length; i += 2) {
            int low = bounds[i];
            for (int last : LAST_OF_LENGTH) {
                if (low <= Math.min(last, bounds[i + 1])) {
                    split(nodes, low, Math.min(last, bounds[i + 1]), pieces);
                    low = Math.min(last, bounds[i + 1]) + 1;
                }
            }
        }
        return nodes.choice(pieces);
    }

    /** Adds a range whose code points all have the same length. */
    private static void split(Nodes nodes, int low, int high, List<Node> pieces) {
        for (int bits = 6; bits < 21 && low > 0x7F; bits += 6) {
            int mask = (1 << bits) - 1;
            if (low >> bits == high >> bits) {
                break;
            }
            if ((low & mask) != 0) {
                split(nodes, low, low | mask, pieces);
                split(nodes, (low | mask) + 1, high, pieces);
                return;
            }
            if ((high & mask) != mask) {
                split(nodes, low, (high & ~mask) - 1, pieces);
                split(nodes, high & ~mask, high, pieces);
                return;
            }
        }
        byte[] first = encode(low);
        byte[] last = encode(high);
        Node[] bytes = new Node[first.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = nodes.bytes(ByteSet.range(first[i] & 0xff, last[i] & 0xff));
        }
        pieces.add(nodes.sequence(bytes));
    }

    private static byte[] encode(int codePoint) {
        return Character.toString(codePoint).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }
}
