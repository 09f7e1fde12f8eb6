package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * One step's attention: sequences with their last query tokens, run by work items and compared with
 * sums in double.
 */
final class AttentionCase {
    private final EmulatedCuda cuda;
    private final PagedCache cache;
    private final int queryHeads;
    private final int[] queryLens;
    private final int[] contextLens;
    private final int window;
    private final float scale;
    private boolean hopper;
    private final float[] qkv;
    private final int stride;
    private final DeviceArray out;
    private final List<Integer> partials = new ArrayList<>(); // the token of each
    private final Launches decode = new Launches();
    private final Launches prefill = new Launches();
    private DeviceArray partialOut;
    private DeviceArray partialLse;

    /** Work items of one kernel. */
    private static final class Launches {
        final List<Integer> work = new ArrayList<>();
    }

    /** Everything that varies. */
    record Params(
            boolean fp8,
            int queryHeads,
            int kvHeads,
            int dim,
            int blockSize,
            int window,
            int[] queryLens,
            int[] contextLens) {}

    AttentionCase(EmulatedCuda cuda, Random random, Params p) {
        this.cuda = cuda;
        cache = new PagedCache(random, p.fp8, p.kvHeads, p.dim, p.blockSize, p.contextLens);
        queryHeads = p.queryHeads;
        queryLens = p.queryLens;
        contextLens = p.contextLens;
        window = p.window;
        scale = (float) (1 / Math.sqrt(p.dim));
        stride = (queryHeads + 2 * p.kvHeads) * p.dim;
        qkv = Numbers.random(random, tokens(), stride, 1);
        out = cuda.allocate(2L * tokens() * queryHeads * p.dim);
    }

    /** Prefill by Hopper's kernels, whose items have 128 rows; before any work is added. */
    AttentionCase onHopper() {
        hopper = true;
        return this;
    }

    private int prefillRows() {
        return hopper ? 128 : 64;
    }

    private int tokens() {
        return tokenBegin(queryLens.length);
    }

    int tokenBegin(int seq) {
        int begin = 0;
        for (int s = 0; s < seq; s++) {
            begin += queryLens[s];
        }
        return begin;
    }

    int contextLen(int seq) {
        return contextLens[seq];
    }

    int rows(int seq) {
        return queryLens[seq] * queryHeads / cache.kvHeads;
    }

    /** The whole sequence in one item per 16 or 64 rows, straight to the output. */
    void whole(boolean byDecode, int seq) {
        add(byDecode, seq, new int[] {0, contextLens[seq]}, -1);
    }

    /** Positions range[0] .. range[1] - 1 of a sequence as a partial result. */
    void part(boolean byDecode, int seq, int... range) {
        add(byDecode, seq, range, partialsFor(tokenBegin(seq), tokenBegin(seq + 1)));
    }

    /** The first positions of sequence 0 for the tokens of all sequences. */
    void sharedPrefix(int length) {
        int base = partialsFor(0, tokens());
        for (int row = 0; row < tokens() * queryHeads / cache.kvHeads; row += prefillRows()) {
            prefill.work.addAll(List.of(0, 0, tokens(), row, 0, length, -1, base));
        }
        for (int s = 1; s < queryLens.length; s++) {
            for (int b = 0; b < length / cache.blockSize; b++) {
                cache.tables[s][b] = cache.tables[0][b];
            }
        }
    }

    private int partialsFor(int tokenBegin, int tokenEnd) {
        int base = partials.size();
        for (int t = tokenBegin; t < tokenEnd; t++) {
            partials.add(t);
        }
        return base;
    }

    private void add(boolean byDecode, int seq, int[] range, int partialBase) {
        int visibleBase = contextLens[seq] - queryLens[seq] + 1;
        for (int row = 0; row < rows(seq); row += byDecode ? 16 : prefillRows()) {
            (byDecode ? decode : prefill)
                    .work.addAll(
                            List.of(
                                    seq,
                                    tokenBegin(seq),
                                    tokenBegin(seq + 1),
                                    row,
                                    range[0],
                                    range[1],
                                    visibleBase,
                                    partialBase));
        }
    }

    void run() {
        partialOut = cuda.allocate(4L * Math.max(1, partials.size()) * queryHeads * cache.dim);
        partialLse = cuda.allocate(4L * Math.max(1, partials.size()) * queryHeads);
        launch("decode", decode, new int[] {40960, 73728, 36864, 69632});
        if (hopper) {
            launch("prefill_sm90", prefill, new int[] {114752, 229440, 81984, 163904});
        } else {
            launch("prefill", prefill, new int[] {20480, 36864, 36864, 69632});
        }
        combine();
        compare();
    }

    private void launch(String kind, Launches launches, int[] shared) {
        if (launches.work.isEmpty()) {
            return;
        }
        int variant = (cache.fp8 ? 0 : 2) + cache.dim / 64 - 1;
        String name = "attention_" + kind + (cache.fp8 ? "_fp8" : "_bf16") + "_d" + cache.dim;
        cuda.launch(
                name,
                new Shape(
                        launches.work.size() / 8,
                        cache.kvHeads,
                        kind.equals("prefill_sm90") ? 384 : 128,
                        shared[variant]),
                cuda.bf16(qkv),
                stride,
                cache.device(cuda),
                cuda.floats(cache.kScale),
                cuda.floats(cache.vScale),
                cache.deviceTables(cuda),
                cache.maxBlocks,
                cache.blockSize,
                cuda.ints(launches.work.stream().mapToInt(i -> i).toArray()),
                out,
                partialOut,
                partialLse,
                queryHeads,
                cache.kvHeads,
                scale,
                window);
    }

    private void combine() {
        List<Integer> tokens = partials.stream().distinct().sorted().toList();
        if (tokens.isEmpty()) {
            return;
        }
        List<Integer> starts = new ArrayList<>(List.of(0));
        List<Integer> rows = new ArrayList<>();
        for (int token : tokens) {
            for (int p = 0; p < partials.size(); p++) {
                if (partials.get(p) == token) {
                    rows.add(p);
                }
            }
            starts.add(rows.size());
        }
        cuda.launch(
                "attention_combine",
                new Shape(tokens.size(), queryHeads, 64, 0),
                cuda.ints(tokens.stream().mapToInt(i -> i).toArray()),
                cuda.ints(starts.stream().mapToInt(i -> i).toArray()),
                cuda.ints(rows.stream().mapToInt(i -> i).toArray()),
                partialOut,
                partialLse,
                out,
                queryHeads,
                cache.dim);
    }

    private void compare() {
        float[] actual = out.bf16();
        for (int seq = 0; seq < queryLens.length; seq++) {
            for (int i = 0; i < queryLens[seq]; i++) {
                for (int head = 0; head < queryHeads; head++) {
                    compareHead(actual, seq, i, head);
                }
            }
        }
    }

    private void compareHead(float[] actual, int seq, int query, int head) {
        int token = tokenBegin(seq) + query;
        int kvHead = head / (queryHeads / cache.kvHeads);
        int visible = contextLens[seq] - queryLens[seq] + 1 + query;
        int first = window == 0 ? 0 : Math.max(0, visible - window);
        double[] weights = new double[visible - first];
        double most = Double.NEGATIVE_INFINITY;
        for (int p = first; p < visible; p++) {
            double score = 0;
            for (int d = 0; d < cache.dim; d++) {
                score += qkv[token * stride + head * cache.dim + d] * cache.key(seq, p, kvHead, d);
            }
            weights[p - first] = score * scale;
            most = Math.max(most, weights[p - first]);
        }
        double sum = 0;
        for (int p = 0; p < weights.length; p++) {
            weights[p] = Math.exp(weights[p] - most);
            sum += weights[p];
        }
        for (int d = 0; d < cache.dim; d++) {
            double wanted = 0;
            double size = 0;
            for (int p = first; p < visible; p++) {
                double value = cache.value(seq, p, kvHead, d);
                wanted += weights[p - first] / sum * value;
                size += weights[p - first] / sum * Math.abs(value);
            }
            double allowed =
                    0x1p-8 * Math.abs(wanted) + (cache.fp8 ? 0x1p-10 : 0x1p-8) * size + 1e-6;
            assertTrue(Double.isFinite(wanted));
            assertEquals(
                    wanted,
                    actual[(token * queryHeads + head) * cache.dim + d],
                    allowed,
                    "sequence " + seq + ", query " + query + ", head " + head + ", dimension " + d);
        }
    }
}
