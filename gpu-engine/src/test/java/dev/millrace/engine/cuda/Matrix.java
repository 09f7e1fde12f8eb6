package dev.millrace.engine.cuda;

import java.util.Random;

/** A random matrix in BF16 and, with other values, in E4M3 with scales of every kind. */
final class Matrix {
    final int rows;
    final int cols;
    final float[] bf16;
    final byte[] e4m3;
    final float[] rowScales;
    final float[] blockScales;

    Matrix(Random random, int rows, int cols) {
        this.rows = rows;
        this.cols = cols;
        bf16 = Numbers.random(random, rows, cols, 1);
        e4m3 = new byte[rows * cols];
        for (int i = 0; i < e4m3.length; i++) {
            e4m3[i] = Numbers.e4m3((float) random.nextGaussian());
        }
        rowScales = scales(random, rows);
        blockScales =
                scales(random, Math.max(groups(), (rows + 127) / 128) * groups() + rows * groups());
    }

    private static float[] scales(Random random, int count) {
        float[] scales = new float[count];
        for (int i = 0; i < count; i++) {
            scales[i] = 0.5f + random.nextFloat();
        }
        return scales;
    }

    private int groups() {
        return (cols + 127) / 128;
    }

    double wide(int row, int k) {
        return bf16[row * cols + k];
    }

    double byRow(int row, int k) {
        return Numbers.ofE4m3(e4m3[row * cols + k]) * (double) rowScales[row];
    }

    /** One scale per row and 128 of k: that of the row times a number of the group's. */
    double byGroup(int row, int k) {
        return Numbers.ofE4m3(e4m3[row * cols + k]) * (double) groupScale(row, k / 128);
    }

    private float groupScale(int row, int group) {
        return rowScales[row] * (1 + group);
    }

    /** The scales of {@link #byGroup} as a device wants them: [group][stride]. */
    float[] groupScales(int stride) {
        float[] scales = new float[groups() * stride];
        for (int group = 0; group < groups(); group++) {
            for (int row = 0; row < rows; row++) {
                scales[group * stride + row] = groupScale(row, group);
            }
        }
        return scales;
    }

    /** One scale per [128, 128] block, in blockScales [ceil(rows / 128)][ceil(cols / 128)]. */
    double byBlock(int row, int k) {
        return Numbers.ofE4m3(e4m3[row * cols + k])
                * (double) blockScales[row / 128 * groups() + k / 128];
    }
}
