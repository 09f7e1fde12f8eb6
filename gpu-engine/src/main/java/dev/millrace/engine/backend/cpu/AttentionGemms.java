package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.data_type;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;

/**
 * The two products of attention as F32 matrix products by oneDNN: for many query rows over the same
 * keys, where they run at a multiple of the speed of {@link TileLoops}. One worker's; each is
 * prepared when it is first needed, for rows and keys rounded up, so that there are few.
 */
final class AttentionGemms implements AutoCloseable {
    /** Keys whose scores are held at a time. */
    static final int CHUNK = 256;

    /** Rows are rounded up to this. */
    static final int ROW_STEP = 64;

    private static final int FEWEST_KEYS = 64;

    private final OneDnn dnn;
    private final int worker;
    private final int dim;
    private final Gemm[][] scores;
    private final Gemm[][] values;

    /**
     * @param dim padded head dimension
     * @param maxRows most rows of a product
     */
    AttentionGemms(OneDnn dnn, int worker, int dim, int maxRows) {
        this.dnn = dnn;
        this.worker = worker;
        this.dim = dim;
        int keySizes = keyIndex(CHUNK) + 1;
        this.scores = new Gemm[Math.ceilDiv(maxRows, ROW_STEP)][keySizes];
        this.values = new Gemm[scores.length][keySizes];
    }

    /** Keys of a chunk rounded up to a size that there is a product for: 64, 128 or 256. */
    static int paddedKeys(int keys) {
        return FEWEST_KEYS << keyIndex(keys);
    }

    private static int keyIndex(int keys) {
        return Integer.numberOfTrailingZeros(
                Integer.highestOneBit(Math.max(keys, FEWEST_KEYS) - 1) * 2 / FEWEST_KEYS);
    }

    /**
     * scores = q · keys.
     *
     * @param q [rows][D]
     * @param keys [D][n], n the padded number of keys
     * @param scores [rows][n]; rows rounded up are written
     */
    void scores(long q, long keys, int keyCount, long scores, int rows) {
        int index = (rows - 1) / ROW_STEP;
        int size = keyIndex(keyCount);
        if (this.scores[index][size] == null) {
            this.scores[index][size] = gemm((index + 1) * ROW_STEP, dim, FEWEST_KEYS << size, false);
        }
        this.scores[index][size].run(q, keys, 0, scores);
    }

    /**
     * out += weights · values.
     *
     * @param weights [rows][n]
     * @param values [n][D]
     * @param out [rows][D]; rows rounded up are written
     */
    void values(long weights, long values, int keyCount, long out, int rows) {
        int index = (rows - 1) / ROW_STEP;
        int size = keyIndex(keyCount);
        if (this.values[index][size] == null) {
            this.values[index][size] = gemm((index + 1) * ROW_STEP, FEWEST_KEYS << size, dim, true);
        }
        this.values[index][size].run(weights, values, 0, out);
    }

    private Gemm gemm(int rows, int inner, int columns, boolean addsToOutput) {
        try (primitive_attr attributes = new primitive_attr();
                post_ops after = new post_ops();
                memory.desc left = matrix(rows, inner);
                memory.desc right = matrix(inner, columns);
                memory.desc out = matrix(rows, columns)) {
            if (addsToOutput) {
                after.append_sum();
                attributes.set_post_ops(after);
            }
            try (matmul.primitive_desc description =
                    new matmul.primitive_desc(dnn.engine(), left, right, out, attributes, false)) {
                return new Gemm(
                        dnn,
                        description,
                        dnn.stream(worker),
                        new GemmShape(GemmType.F32, inner, columns, columns, false));
            }
        }
    }

    private static memory.desc matrix(int rows, int columns) {
        return new memory.desc(new long[] {rows, columns}, data_type.f32, format_tag.ab);
    }

    @Override
    public void close() {
        for (Gemm[][] products : new Gemm[][][] {scores, values}) {
            for (Gemm[] ofRows : products) {
                for (Gemm gemm : ofRows) {
                    if (gemm != null) {
                        gemm.close();
                    }
                }
            }
        }
    }
}
