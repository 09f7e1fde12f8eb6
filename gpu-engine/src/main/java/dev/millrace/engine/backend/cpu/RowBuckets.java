package dev.millrace.engine.backend.cpu;

import java.util.ArrayList;
import java.util.List;

/**
 * Row counts for which a GEMM is prepared. A product of other rows runs with the next larger count
 * (its extra rows are computed and ignored), so that the number of prepared kernels is bounded
 * whatever steps look like.
 */
final class RowBuckets {
    /** Most rows of one GEMM call; more rows take more calls. */
    static final int MAX = 512;

    private static final int WIDEST_GAP = 64;

    private static final int[] SIZES = sizes();
    private static final int[] INDEX_OF_ROWS = indexOfRows();

    private RowBuckets() {}

    static int count() {
        return SIZES.length;
    }

    /** The bucket for {@code rows}, 1 to {@link #MAX}. */
    static int index(int rows) {
        return INDEX_OF_ROWS[rows];
    }

    static int size(int index) {
        return SIZES[index];
    }

    /**
     * Rows that memory must have for products of up to {@code rows} rows, in whatever parts they
     * are computed.
     */
    static int padded(int rows) {
        return rows + WIDEST_GAP;
    }

    private static int[] sizes() {
        List<Integer> sizes = new ArrayList<>(List.of(1, 2, 3, 4, 6, 8, 12, 16));
        for (int size = 24; size <= 64; size += 8) {
            sizes.add(size);
        }
        for (int size = 80; size <= 128; size += 16) {
            sizes.add(size);
        }
        for (int size = 160; size <= 256; size += 32) {
            sizes.add(size);
        }
        for (int size = 320; size <= MAX; size += WIDEST_GAP) {
            sizes.add(size);
        }
        return sizes.stream().mapToInt(Integer::intValue).toArray();
    }

    private static int[] indexOfRows() {
        int[] table = new int[MAX + 1];
        int index = 0;
        for (int rows = 1; rows <= MAX; rows++) {
            if (rows > SIZES[index]) {
                index++;
            }
            table[rows] = index;
        }
        return table;
    }
}
