package dev.millrace.engine.cuda;

import java.util.Arrays;
import java.util.Random;

/**
 * A KV cache of one layer on host and device, every sequence's blocks scattered:
 * [numBlocks][2][kvHeads][blockSize][dim]. Slots that hold no token are NaN.
 */
final class PagedCache {
    final int kvHeads;
    final int dim;
    final int blockSize;
    final int maxBlocks;
    final boolean fp8;
    final int[][] tables;
    final float[] kScale;
    final float[] vScale;
    private final int numBlocks;
    private final byte[] bytes;

    PagedCache(Random random, boolean fp8, int kvHeads, int dim, int blockSize, int[] contextLens) {
        this.kvHeads = kvHeads;
        this.dim = dim;
        this.blockSize = blockSize;
        this.fp8 = fp8;
        int blocks = 0;
        int widest = 0;
        tables = new int[contextLens.length][];
        for (int s = 0; s < tables.length; s++) {
            tables[s] = new int[(contextLens[s] + blockSize - 1) / blockSize];
            for (int b = 0; b < tables[s].length; b++) {
                tables[s][b] = 3 * blocks++ + 1;
            }
            widest = Math.max(widest, tables[s].length);
        }
        maxBlocks = widest + 1;
        numBlocks = 3 * blocks + 2;
        bytes = new byte[numBlocks * 2 * kvHeads * blockSize * dim * (fp8 ? 1 : 2)];
        Arrays.fill(bytes, (byte) 0xff);
        kScale = new float[kvHeads];
        vScale = new float[kvHeads];
        for (int h = 0; h < kvHeads; h++) {
            kScale[h] = fp8 ? 0.5f + h : 1;
            vScale[h] = fp8 ? 0.25f * (h + 1) : 1;
        }
        for (int s = 0; s < tables.length; s++) {
            for (int position = 0; position < contextLens[s]; position++) {
                fill(random, s, position);
            }
        }
    }

    private void fill(Random random, int seq, int position) {
        for (int head = 0; head < kvHeads; head++) {
            for (int d = 0; d < dim; d++) {
                put(
                        index(seq, position, false, head, d),
                        (float) random.nextGaussian() * (position == 2 ? 3 : 1));
                put(index(seq, position, true, head, d), (float) random.nextGaussian() + d / 16f);
            }
        }
    }

    private int index(int seq, int position, boolean value, int head, int d) {
        int block = tables[seq][position / blockSize];
        return (((block * 2 + (value ? 1 : 0)) * kvHeads + head) * blockSize + position % blockSize)
                        * dim
                + d;
    }

    private void put(int index, float value) {
        if (fp8) {
            bytes[index] = Numbers.e4m3(value);
        } else {
            short bits = Numbers.bf16(value);
            bytes[2 * index] = (byte) bits;
            bytes[2 * index + 1] = (byte) (bits >> 8);
        }
    }

    private float get(int index) {
        return fp8
                ? Numbers.ofE4m3(bytes[index])
                : Numbers.ofBf16((short) (bytes[2 * index] & 0xff | bytes[2 * index + 1] << 8));
    }

    double key(int seq, int position, int head, int d) {
        return (double) get(index(seq, position, false, head, d)) * kScale[head];
    }

    double value(int seq, int position, int head, int d) {
        return (double) get(index(seq, position, true, head, d)) * vScale[head];
    }

    DeviceArray device(EmulatedCuda cuda) {
        return cuda.bytes(bytes);
    }

    DeviceArray deviceTables(EmulatedCuda cuda) {
        int[] flat = new int[tables.length * maxBlocks];
        Arrays.fill(flat, 0x7fffffff);
        for (int s = 0; s < tables.length; s++) {
            System.arraycopy(tables[s], 0, flat, s * maxBlocks, tables[s].length);
        }
        return cuda.ints(flat);
    }

    /**
     * Takes a device's cache for the host's, so that what a kernel stored can be read by key() and
     * value().
     */
    void read(DeviceArray from) {
        System.arraycopy(from.raw(), 0, bytes, 0, bytes.length);
    }
}
