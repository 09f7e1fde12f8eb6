package dev.millrace.sink.results;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Which known ids a mistyped one may have meant. */
final class SimilarIds {
    private static final int MAX_SHOWN = 5;

    private SimilarIds() {}

    /** Up to five known ids, the closest by edit distance first. */
    static List<String> closest(String wanted, Collection<String> known) {
        String folded = wanted.toLowerCase(Locale.ROOT);
        return known.stream()
                .sorted(Comparator.<String>comparingInt(id -> distance(folded, id))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(MAX_SHOWN)
                .toList();
    }

    private static int distance(String folded, String id) {
        return editDistance(folded, id.toLowerCase(Locale.ROOT));
    }

    /** Levenshtein's distance: insertions, deletions and replacements that turn one text into the other. */
    static int editDistance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
