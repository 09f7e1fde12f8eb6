package dev.millrace.engine.bench;

import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The ops of a layer on random data, the same on every device: two chunks of three prompts, then a
 * token each of three sequences that begin with the same blocks. Data comes by way of an embedding
 * table, since that is how a device gets any.
 */
final class OpProgram {
    private static final long SEED = 11;
    private static final int BLOCK = 16;
    private static final int BLOCKS_PER_SEQUENCE = 8;
    private static final int[][] CHUNKS = {{48, 70, 17}, {33, 5, 60}};

    private final BenchShape shape;
    private final AttentionSpec spec;
    private final Map<String, float[][]> results = new LinkedHashMap<>();
    private Backend backend;
    private SplittableRandom random;
    private int tables;

    OpProgram(BenchShape shape) {
        this.shape = shape;
        float scale = (float) (1 / Math.sqrt(shape.headDim()));
        spec =
                new AttentionSpec(shape.queryHeads(), shape.kvHeads(), shape.headDim(), scale, 0);
    }

    /** By op, what each row became. */
    Map<String, float[][]> run(Backend on) {
        backend = on;
        random = new SplittableRandom(SEED);
        results.clear();
        KvLayout layout =
                new KvLayout(
                        3 * BLOCKS_PER_SEQUENCE,
                        BLOCK,
                        1,
                        shape.kvHeads(),
                        shape.headDim(),
                        backend.kvBytesPerElement());
        KvStore kv = backend.allocateKv(layout);
        int[] before = new int[3];
        for (int[] lengths : CHUNKS) {
            attend("prefill attention", step(before, lengths), kv);
            Arrays.setAll(before, s -> before[s] + lengths[s]);
        }
        ForwardInput decode = step(before, new int[] {1, 1, 1});
        for (int s = 1; s < 3; s++) { // two blocks of the first sequence begin all
            System.arraycopy(decode.blockTables[0], 0, decode.blockTables[s], 0, 2);
        }
        attend("decode attention, shared and split", decode, kv);
        ForwardInput rows = step(new int[3], new int[] {11, 1, 1});
        backend.step(rows, n -> rowOps(rows));
        return new LinkedHashMap<>(results);
    }

    private void attend(String op, ForwardInput input, KvStore kv) {
        int positions = BLOCK * BLOCKS_PER_SEQUENCE;
        QkNormRope qk = new QkNormRope(null, null, 1e-5f, rope(positions));
        backend.step(
                input,
                n -> {
                    Buffer qkv = random(input, spec.qkvCols());
                    Buffer out = backend.allocate(input.numTokens, spec.outCols());
                    backend.ropeAndStore(qkv, spec, qk, input, kv, 0);
                    backend.attention(qkv, spec, input, kv, 0, out);
                    note(op + ", " + input.numTokens + " tokens", out, input.numTokens);
                });
    }

    private void rowOps(ForwardInput input) {
        int rows = input.numTokens;
        int hidden = shape.hidden();
        Buffer residual = random(input, hidden);
        Buffer delta = random(input, hidden);
        Buffer normed = backend.allocate(rows, hidden);
        float[] weight = cycle(hidden, 7, 0.5f, 1 / 7f);
        backend.addRmsNorm(residual, delta, backend.vector(weight), 1e-5f, normed, rows);
        note("add, RMSNorm", normed, rows);
        ActivationScheme dynamic = ActivationScheme.DYNAMIC;
        product("product, BF16", bf16(144, hidden), ActivationScheme.UNROUNDED, normed);
        product("product, FP8", fp8(144, hidden, 1, hidden), dynamic, normed);
        product(
                "product, FP8, static scale",
                fp8(144, hidden, 1, hidden),
                ActivationScheme.fixed(8f / 448),
                normed);
        product("product, FP8 in blocks", fp8(256, hidden, 128, 128), dynamic, normed);
        Buffer gateUp = random(input, 2 * shape.intermediate());
        Buffer activated = backend.allocate(rows, shape.intermediate());
        backend.siluMul(gateUp, activated, rows);
        note("SiLU, multiply", activated, rows);
    }

    private void product(String op, WeightTensor weights, ActivationScheme scheme, Buffer in) {
        float[] bias = cycle(weights.rows(), 5, -2, 1);
        Buffer out = backend.allocate(in.rows(), weights.rows());
        backend.linear(backend.linear(List.of(weights), bias, scheme), in, out, in.rows());
        note(op, out, in.rows());
    }

    private void note(String op, Buffer out, int rows) {
        results.put(op, OpStage.read(backend, out, rows));
    }

    /** A sequence's tokens before this step, and its tokens in it. */
    private static ForwardInput step(int[] before, int[] lengths) {
        int tokens = Arrays.stream(lengths).sum();
        ForwardInput input = new ForwardInput(tokens, lengths.length);
        input.numSeqs = lengths.length;
        for (int s = 0; s < lengths.length; s++) {
            int first = s * BLOCKS_PER_SEQUENCE;
            input.blockTables[s] = new int[BLOCKS_PER_SEQUENCE];
            Arrays.setAll(input.blockTables[s], i -> first + i * 5 % BLOCKS_PER_SEQUENCE);
            input.contextLens[s] = before[s] + lengths[s];
            for (int i = 0; i < lengths[s]; i++) {
                int token = input.numTokens++;
                int position = before[s] + i;
                input.tokenIds[token] = token;
                input.positions[token] = position;
                input.slotMapping[token] =
                        input.blockTables[s][position / BLOCK] * BLOCK + position % BLOCK;
            }
            input.cuSeqlensQ[s + 1] = input.numTokens;
        }
        return input;
    }

    private Buffer random(ForwardInput input, int cols) {
        Buffer buffer = backend.allocate(input.numTokens, cols);
        backend.embed(backend.embedding(bf16(input.numTokens, cols)), input, buffer);
        return buffer;
    }

    private WeightTensor bf16(int rows, int cols) {
        MemorySegment data = Arena.ofAuto().allocate(2L * rows * cols, 16);
        for (long i = 0; i < (long) rows * cols; i++) {
            int bits = Float.floatToIntBits((float) random.nextDouble(-1, 1));
            data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
        return new WeightTensor("data" + tables++, DType.BF16, rows, cols, data, null, 1, cols);
    }

    /** Elements between 1/16 and 15 in size, scales of blocks around 1/256. */
    private WeightTensor fp8(int rows, int cols, int scaleRows, int scaleCols) {
        MemorySegment data = Arena.ofAuto().allocate((long) rows * cols, 16);
        for (long i = 0; i < (long) rows * cols; i++) {
            int bits = random.nextInt(2) << 7 | random.nextInt(0x18, 0x58);
            data.set(ValueLayout.JAVA_BYTE, i, (byte) bits);
        }
        int blocks = Math.ceilDiv(rows, scaleRows) * Math.ceilDiv(cols, scaleCols);
        float[] scales = cycle(blocks, 3, 1 / 512f, 1 / 512f);
        return new WeightTensor(
                "data" + tables++, DType.F8_E4M3, rows, cols, data, scales, scaleRows, scaleCols);
    }

    /** first, first + step, ... , and again after {@code period}. */
    private static float[] cycle(int length, int period, float first, float step) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = first + i % period * step;
        }
        return values;
    }

    private RopeTable rope(int positions) {
        int half = shape.headDim() / 2;
        float[] cos = new float[positions * half];
        float[] sin = new float[positions * half];
        for (int i = 0; i < cos.length; i++) {
            double angle = i / half * Math.pow(10_000, -(double) (i % half) / half);
            cos[i] = (float) Math.cos(angle);
            sin[i] = (float) Math.sin(angle);
        }
        return new RopeTable(positions, shape.headDim(), cos, sin);
    }
}
