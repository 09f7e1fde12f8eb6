package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.sampling.SampleRow;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The masks of some rows, each once, as the kernel mask_logits reads them.
 *
 * @param rowMask which mask a row has; -1 for none
 * @param words [masks][ceil(V / 32)] bit t % 32 of word t / 32 allows token t
 */
record MaskTable(int[] rowMask, int[] words) {

    /** Waits for masks that are still being worked out. */
    static MaskTable of(List<SampleRow> rows, int vocabSize) {
        int perMask = (vocabSize + 31) / 32;
        Map<long[], Integer> known = new IdentityHashMap<>();
        int[] rowMask = new int[rows.size()];
        for (int i = 0; i < rowMask.length; i++) {
            rowMask[i] = -1;
            if (rows.get(i).mask() != null) {
                rowMask[i] = known.computeIfAbsent(rows.get(i).mask().bits(), b -> known.size());
            }
        }
        int[] words = new int[known.size() * perMask];
        known.forEach(
                (bits, mask) -> {
                    for (int word = 0; word < perMask; word++) {
                        words[mask * perMask + word] = (int) (bits[word >> 1] >>> 32 * (word & 1));
                    }
                });
        return new MaskTable(rowMask, words);
    }

    int numWords() {
        return words.length;
    }
}
