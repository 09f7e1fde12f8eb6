package dev.millrace.engine.bench;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.Vector;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * One op on seeded data of one shape, on any device. Names: {@code linear:rows:in:out}, {@code
 * decode:sequences:context}, {@code decode-shared:sequences:context:sharedTokens}, {@code
 * prefill:tokens}, {@code norm:rows:cols}, {@code silu:rows:cols}, {@code rope:tokens}; attention
 * has the heads of the 110M shape, 12 over 4 of 64.
 *
 * @param op runs it once
 * @param out where the answer is
 * @param rows rows of the answer
 * @param work floating-point operations of one run, or bytes moved
 * @param unit of {@code work} per nanosecond
 */
record KernelCase(Runnable op, Buffer out, int rows, double work, String unit) {
    private static final long SEED = 7;
    private static final AttentionSpec HEADS = new AttentionSpec(12, 4, 64, 0.125f, 0);
    private static final int BLOCK_SIZE = 16;

    static KernelCase of(String name, Backend backend) {
        String[] parts = name.split(":");
        int[] n = new int[parts.length];
        for (int i = 1; i < parts.length; i++) {
            n[i] = Integer.parseInt(parts[i]);
        }
        Maker maker = new Maker(backend, new Random(SEED));
        return switch (parts[0]) {
            case "linear" -> maker.linear(n[1], n[2], n[3]);
            case "decode" -> maker.attention(n[1], 1, n[2], 0);
            case "decode-shared" -> maker.attention(n[1], 1, n[2], n[3]);
            case "prefill" -> maker.attention(1, n[1], n[1], 0);
            case "norm" -> maker.norm(n[1], n[2]);
            case "silu" -> maker.silu(n[1], n[2]);
            case "rope" -> maker.rope(n[1]);
            default -> throw new IllegalArgumentException("no such kernel: " + name);
        };
    }

    private record Maker(Backend backend, Random random) {

        KernelCase linear(int rows, int in, int out) {
            Linear weights =
                    backend.linear(List.of(matrix(out, in, WeightTensor.DType.BF16)), null);
            Buffer x = filled(rows, in);
            Buffer y = backend.allocate(rows, out);
            return new KernelCase(
                    () -> backend.linear(weights, x, y, rows),
                    y,
                    rows,
                    2.0 * rows * in * out,
                    "GFLOP/s");
        }

        KernelCase norm(int rows, int cols) {
            Buffer residual = filled(rows, cols);
            // Nothing added, so that the numbers do not grow from run to run.
            Buffer delta = backend.allocate(rows, cols);
            Buffer out = backend.allocate(rows, cols);
            Vector weight = backend.vector(numbers(cols));
            Runnable op = () -> backend.addRmsNorm(residual, delta, weight, 1e-5f, out, rows);
            return new KernelCase(op, out, rows, 16.0 * rows * cols, "GB/s");
        }

        KernelCase silu(int rows, int cols) {
            Buffer gateUp = filled(rows, 2 * cols);
            Buffer out = backend.allocate(rows, cols);
            return new KernelCase(
                    () -> backend.siluMul(gateUp, out, rows),
                    out,
                    rows,
                    12.0 * rows * cols,
                    "GB/s");
        }

        KernelCase rope(int tokens) {
            Step step = new Step(1, tokens, tokens);
            // Repeated rotation keeps the length of a head, so the numbers stay.
            return new KernelCase(
                    step::store, step.qkv, tokens, 6.0 * tokens * HEADS.qkvCols(), "GB/s");
        }

        KernelCase attention(int seqs, int queries, int context, int sharedTokens) {
            Step step = new Step(seqs, queries, context);
            step.share(sharedTokens / BLOCK_SIZE);
            Buffer out = backend.allocate(seqs * queries, HEADS.outCols());
            double pairs = (double) seqs * queries * (context - (queries - 1) / 2.0);
            return new KernelCase(
                    () -> backend.attention(step.qkv, HEADS, step.input, step.kv, 0, out),
                    out,
                    seqs * queries,
                    4.0 * pairs * HEADS.outCols(),
                    "GFLOP/s");
        }

        /** A filled cache and a step that ends each sequence's context. */
        private final class Step {
            final ForwardInput input;
            final KvStore kv;
            final Buffer qkv;
            private final QkNormRope rope;

            Step(int seqs, int queries, int context) {
                int perSeq = Math.ceilDiv(context, BLOCK_SIZE);
                kv =
                        backend.allocateKv(
                                new KvLayout(
                                        seqs * perSeq,
                                        BLOCK_SIZE,
                                        1,
                                        HEADS.numKvHeads(),
                                        HEADS.headDim(),
                                        backend.kvBytesPerElement()));
                rope = new QkNormRope(null, null, 1e-5f, identity(context));
                input = new ForwardInput(seqs * context, seqs);
                schedule(seqs, context, context);
                backend.ropeAndStore(
                        filled(seqs * context, HEADS.qkvCols()), HEADS, rope, input, kv, 0);
                schedule(seqs, queries, context);
                qkv = filled(seqs * queries, HEADS.qkvCols());
                store();
            }

            void store() {
                backend.ropeAndStore(qkv, HEADS, rope, input, kv, 0);
            }

            /** All sequences see the first blocks of the first. */
            void share(int blocks) {
                for (int s = 1; s < input.numSeqs; s++) {
                    System.arraycopy(input.blockTables[0], 0, input.blockTables[s], 0, blocks);
                }
            }

            private void schedule(int seqs, int queries, int context) {
                int perSeq = Math.ceilDiv(context, BLOCK_SIZE);
                input.numSeqs = seqs;
                input.numTokens = seqs * queries;
                for (int s = 0; s < seqs; s++) {
                    input.blockTables[s] = new int[perSeq];
                    for (int b = 0; b < perSeq; b++) {
                        input.blockTables[s][b] = b * seqs + s;
                    }
                    input.contextLens[s] = context;
                    input.cuSeqlensQ[s + 1] = (s + 1) * queries;
                    for (int i = 0; i < queries; i++) {
                        int position = context - queries + i;
                        input.positions[s * queries + i] = position;
                        input.slotMapping[s * queries + i] =
                                kv.layout()
                                        .slot(
                                                input.blockTables[s][position / BLOCK_SIZE],
                                                position);
                    }
                }
            }

            private static RopeTable identity(int positions) {
                float[] cos = new float[positions * HEADS.headDim() / 2];
                Arrays.fill(cos, 1f);
                return new RopeTable(positions, HEADS.headDim(), cos, new float[cos.length]);
            }
        }

        private float[] numbers(int count) {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                values[i] = (float) random.nextGaussian();
            }
            return values;
        }

        private WeightTensor matrix(int rows, int cols, WeightTensor.DType type) {
            MemorySegment data = Arena.ofAuto().allocate((long) rows * cols * type.bytes(), 64);
            for (long i = 0; i < (long) rows * cols; i++) {
                int bits = Float.floatToIntBits((float) random.nextGaussian());
                if (type == WeightTensor.DType.F32) {
                    data.setAtIndex(ValueLayout.JAVA_INT, i, bits);
                } else {
                    data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
                }
            }
            return new WeightTensor("random", type, rows, cols, data, null, 0, 0);
        }

        private Buffer filled(int rows, int cols) {
            ForwardInput input = new ForwardInput(rows, 1);
            input.numTokens = rows;
            for (int t = 0; t < rows; t++) {
                input.tokenIds[t] = t;
            }
            Buffer buffer = backend.allocate(rows, cols);
            backend.embed(
                    backend.embedding(matrix(rows, cols, WeightTensor.DType.F32)), input, buffer);
            return buffer;
        }
    }
}
