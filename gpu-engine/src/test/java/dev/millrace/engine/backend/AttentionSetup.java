package dev.millrace.engine.backend;

import dev.millrace.engine.backend.BackendPair.Both;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

/** A cache with shuffled blocks on both devices, and steps over it. */
final class AttentionSetup {
    static final int LAYERS = 2;

    final AttentionCase c;
    final BackendPair pair;
    final KvLayout layout;
    final Both<KvStore> kv;
    final ForwardInput input;
    final int maxPositions;
    final int[][] tables;
    Both<Buffer> qkv;
    private double largest;

    /** The token of a step whose first key element is not a number; -1 for none */
    int spoil = -1;

    AttentionSetup(AttentionCase c, BackendPair pair) {
        this.c = c;
        this.pair = pair;
        int seqs = c.contexts().length;
        int longest = 0;
        int tokens = 0;
        for (int s = 0; s < seqs; s++) {
            longest = Math.max(longest, c.contexts()[s] + c.queries()[s]);
            tokens += c.contexts()[s] + c.queries()[s];
        }
        maxPositions = longest;
        input = new ForwardInput(tokens, seqs);
        int perSeq = Math.ceilDiv(longest, c.blockSize());
        int blocks = perSeq * seqs + 3;
        layout =
                new KvLayout(
                        blocks,
                        c.blockSize(),
                        LAYERS,
                        c.kvHeads(),
                        c.headDim(),
                        pair.cpu.kvBytesPerElement(),
                        pair.cpu.kvBytesPerScale());
        kv = new Both<>(pair.oracle.allocateKv(layout), pair.cpu.allocateKv(layout));
        int[] order = pair.random().ints(0, blocks).distinct().limit(blocks).toArray();
        tables = new int[seqs][perSeq];
        for (int i = 0; i < seqs * perSeq; i++) {
            tables[i / perSeq][i % perSeq] = order[i];
        }
    }

    /** Lets sequences have the blocks of the first of them for as many tokens. */
    void share(int tokens, int first, int... others) {
        for (int other : others) {
            System.arraycopy(tables[first], 0, tables[other], 0, tokens / c.blockSize());
        }
    }

    /** The largest value in the cache and the step. */
    double largest() {
        return largest;
    }

    /**
     * Runs one step of {@code queries[s]} tokens after {@code before[s]} tokens of each
     * sequence that has any.
     */
    Both<Buffer> step(
            int[] queries, int[] before, int layer, RopeTable rope, Both<Vector> norm) {
        int tokens = 0;
        input.numSeqs = 0;
        for (int s = 0; s < queries.length; s++) {
            if (queries[s] == 0) {
                continue;
            }
            for (int i = 0; i < queries[s]; i++) {
                int position = before[s] + i;
                input.positions[tokens] = position;
                input.slotMapping[tokens++] =
                        layout.slot(tables[s][position / c.blockSize()], position);
            }
            input.blockTables[input.numSeqs] = tables[s];
            input.contextLens[input.numSeqs++] = before[s] + queries[s];
            input.cuSeqlensQ[input.numSeqs] = tokens;
        }
        input.numTokens = tokens;
        if (tokens == 0) {
            return null;
        }
        float size = c.size() == 0 ? 1e-3f : c.size();
        float[][] values =
                BackendPair.onBf16Grid(pair.numbers(tokens, c.spec().qkvCols(), size));
        for (float[] row : values) {
            for (float value : row) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        if (spoil >= 0) {
            values[spoil][c.queryHeads() * c.headDim()] = Float.NaN;
        }
        qkv = filled(values);
        store(layer, rope, norm);
        return attend(layer);
    }

    /** An oracle of a device that rounds keys and values holds the rounded ones. */
    private Both<Buffer> filled(float[][] values) {
        Buffer given = pair.filled(values).cpu();
        if (pair.cpu.kvBytesPerScale() > 0) {
            for (float[] row : values) {
                int from = c.queryHeads() * c.headDim();
                for (; from < row.length; from += c.headDim()) {
                    roundToInt8(row, from, c.headDim());
                }
            }
        }
        return new Both<>(pair.filled(values).oracle(), given);
    }

    /** value = scale * the nearest whole number, the largest magnitude at 127. */
    private static void roundToInt8(float[] row, int from, int count) {
        float largest = 0;
        for (int i = from; i < from + count; i++) {
            largest = Math.max(largest, Math.abs(row[i]));
        }
        float inverse = 127f / largest;
        for (int i = from; i < from + count; i++) {
            row[i] = (float) (Math.rint(row[i] * inverse) * (largest / 127.0));
        }
    }

    void store(int layer, RopeTable rope, Both<Vector> norm) {
        Vector oracleNorm = norm == null ? null : norm.oracle();
        Vector cpuNorm = norm == null ? null : norm.cpu();
        pair.oracle.ropeAndStore(
                qkv.oracle(),
                c.spec(),
                new QkNormRope(oracleNorm, oracleNorm, 1e-6f, rope),
                input,
                kv.oracle(),
                layer);
        pair.cpu.ropeAndStore(
                qkv.cpu(),
                c.spec(),
                new QkNormRope(cpuNorm, cpuNorm, 1e-6f, rope),
                input,
                kv.cpu(),
                layer);
    }

    Both<Buffer> attend(int layer) {
        Both<Buffer> out = pair.empty(input.numTokens, c.spec().outCols());
        pair.cpu.attention(qkv.cpu(), c.spec(), input, kv.cpu(), layer, out.cpu());
        pair.oracle.attention(qkv.oracle(), c.spec(), input, kv.oracle(), layer, out.oracle());
        return out;
    }

    /** Angles of positions; a base of 0 rotates by none. */
    static RopeTable ropeTable(int positions, int headDim, double base) {
        int half = headDim / 2;
        float[] cos = new float[positions * half];
        float[] sin = new float[positions * half];
        for (int i = 0; i < cos.length; i++) {
            double angle = base == 0 ? 0 : i / half * Math.pow(base, -2.0 * (i % half) / headDim);
            cos[i] = (float) Math.cos(angle);
            sin[i] = (float) Math.sin(angle);
        }
        return new RopeTable(positions, headDim, cos, sin);
    }
}
