package dev.millrace.engine.bench;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.cuda.CudaBackend;
import dev.millrace.engine.backend.cuda.CudaTimer;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelConfigReader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Ops by themselves: time, bytes and operations per second, and the share of what the same run
 * measured as the device's ceiling: a large copy for memory, the fastest FP8 product for
 * arithmetic.
 */
final class KernelStage {
    static final List<String> COLUMNS =
            List.of("op", "rows", "ms", "GB/s", "TFLOP/s", "share of ceiling");

    private final CudaBackend device;
    private final CudaTimer timer;
    private final BenchShape shape;
    private final int repeats;
    private final int maxRows;
    private final SplittableRandom random = new SplittableRandom(7);
    private double copyBytesPerSecond;
    private double flopsPerSecond;

    /**
     * @param maxRows rows of the largest product; decode attention gets a sequence per eight of
     *     them
     */
    KernelStage(CudaBackend device, BenchShape shape, int repeats, int maxRows) {
        this.device = device;
        this.shape = shape;
        this.repeats = repeats;
        this.maxRows = maxRows;
        timer = new CudaTimer(device);
    }

    void run(Path folder, CheckReport.Table table) throws IOException {
        int context = Math.min(1024, maxRows);
        int sequences = Math.max(1, maxRows / 8);
        long kvTokens = (long) sequences * context + 64;
        EngineConfig config =
                new EngineConfig(
                        "cuda",
                        maxRows,
                        maxRows,
                        64,
                        kvTokens * shape.kvBytesPerToken(),
                        0,
                        false,
                        1,
                        Numerics.DEFAULT,
                        Speculation.OFF);
        device.fit(ModelConfigReader.read(shape.writeConfig(folder)), config);
        copyCeiling(table);
        products(table);
        rowOps(table);
        decodeAttention(sequences, context, table);
    }

    private void copyCeiling(CheckReport.Table table) {
        Buffer from = device.allocate(16 * maxRows, shape.hidden());
        Buffer to = device.allocate(16 * maxRows, shape.hidden());
        double bytes = 2.0 * 2 * from.rows() * from.cols();
        double ms = timer.medianMs(repeats, () -> timer.copy(from, to));
        copyBytesPerSecond = bytes / ms * 1e3;
        row("copy (memory ceiling)", from.rows(), new double[] {ms, bytes, 0}, table);
    }

    private void products(CheckReport.Table table) {
        int hidden = shape.hidden();
        int qkv = (shape.queryHeads() + 2 * shape.kvHeads()) * shape.headDim();
        int[][] shapes = {
            {hidden, qkv}, {hidden, 2 * shape.intermediate()}, {shape.intermediate(), hidden}
        };
        for (int rows = maxRows; rows >= Math.min(64, maxRows); rows /= 8) {
            for (int[] one : shapes) {
                product(one[0], one[1], rows, table);
            }
        }
    }

    private void product(int in, int out, int rows, CheckReport.Table table) {
        Linear linear = device.linear(List.of(randomFp8(out, in)), null, ActivationScheme.DYNAMIC);
        Buffer input = filled(rows, in);
        Buffer output = device.allocate(rows, out);
        device.linear(
                linear, input, output,
                rows); // rounds the input, which stays rounded for the runs below
        double ms = timer.medianMs(repeats, () -> device.linear(linear, input, output, rows));
        double bytes = (double) in * out + (double) rows * (in + 2.0 * out);
        double flops = 2.0 * rows * in * out;
        flopsPerSecond = Math.max(flopsPerSecond, flops / ms * 1e3);
        row("FP8 product " + in + " -> " + out, rows, new double[] {ms, bytes, flops}, table);
    }

    private void rowOps(CheckReport.Table table) {
        int rows = maxRows;
        Buffer residual = filled(rows, shape.hidden());
        Buffer delta = filled(rows, shape.hidden());
        Buffer out = device.allocate(rows, shape.hidden());
        float[] ones = new float[shape.hidden()];
        Arrays.fill(ones, 1);
        Linear reader =
                device.linear(
                        List.of(randomFp8(16, shape.hidden())), null, ActivationScheme.DYNAMIC);
        Backend.Norm norm = new Backend.Norm(device.vector(ones), 1e-5f);
        double ms =
                timer.medianMs(
                        repeats, () -> device.addRmsNorm(residual, delta, norm, reader, out, rows));
        row("add, RMSNorm, FP8", rows, new double[] {ms, 7.0 * rows * shape.hidden(), 0}, table);
        Buffer gateUp = filled(rows, 2 * shape.intermediate());
        Buffer activated = device.allocate(rows, shape.intermediate());
        Linear down =
                device.linear(
                        List.of(randomFp8(16, shape.intermediate())),
                        null,
                        ActivationScheme.DYNAMIC);
        ms = timer.medianMs(repeats, () -> device.siluMul(gateUp, down, activated, rows));
        row(
                "SiLU, multiply, FP8",
                rows,
                new double[] {ms, 5.0 * rows * shape.intermediate(), 0},
                table);
    }

    private void decodeAttention(int sequences, int context, CheckReport.Table table) {
        int blocks = Math.ceilDiv(context, 64);
        KvLayout layout =
                new KvLayout(sequences * blocks, 64, 1, shape.kvHeads(), shape.headDim(), 1);
        KvStore kv = device.allocateKv(layout);
        float scale = (float) (1 / Math.sqrt(shape.headDim()));
        AttentionSpec spec =
                new AttentionSpec(shape.queryHeads(), shape.kvHeads(), shape.headDim(), scale, 0);
        Buffer qkv = filled(sequences, spec.qkvCols());
        Buffer out = device.allocate(sequences, spec.outCols());
        ForwardInput input = decodeStep(sequences, context, blocks);
        double bytes = 2.0 * sequences * context * shape.kvHeads() * shape.headDim();
        double[] ms = new double[1];
        device.step(
                input,
                rows ->
                        ms[0] =
                                timer.medianMs(
                                        repeats,
                                        () -> device.attention(qkv, spec, input, kv, 0, out)));
        row("decode attention over " + context, sequences, new double[] {ms[0], bytes, 0}, table);
    }

    private static ForwardInput decodeStep(int sequences, int context, int blocks) {
        ForwardInput input = new ForwardInput(sequences, sequences);
        input.numTokens = sequences;
        input.numSeqs = sequences;
        for (int s = 0; s < sequences; s++) {
            int first = s * blocks;
            input.positions[s] = context - 1;
            input.slotMapping[s] = (first + blocks - 1) * 64 + (context - 1) % 64;
            input.cuSeqlensQ[s + 1] = s + 1;
            input.contextLens[s] = context;
            input.blockTables[s] = new int[blocks];
            Arrays.setAll(input.blockTables[s], i -> first + i);
        }
        return input;
    }

    /**
     * @param measured milliseconds, bytes moved at the least, operations
     */
    private void row(String op, int rows, double[] measured, CheckReport.Table table) {
        double seconds = measured[0] / 1e3;
        double gigabytes = measured[1] / seconds / 1e9;
        double teraflops = measured[2] / seconds / 1e12;
        double share =
                Math.max(
                        measured[1] / seconds / copyBytesPerSecond,
                        flopsPerSecond == 0 ? 0 : measured[2] / seconds / flopsPerSecond);
        table.row(
                op,
                rows,
                "%.4f".formatted(measured[0]),
                "%.0f".formatted(gigabytes),
                measured[2] == 0 ? "" : "%.1f".formatted(teraflops),
                "%.0f %%".formatted(100 * share));
    }

    /** Random values, for zeros compute faster than data. */
    private Buffer filled(int rows, int cols) {
        Buffer buffer = device.allocate(rows, cols);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(2L * rows * cols, 16);
            for (long i = 0; i < (long) rows * cols; i++) {
                data.setAtIndex(
                        ValueLayout.JAVA_SHORT,
                        i,
                        (short) (Float.floatToIntBits((float) random.nextDouble(-1, 1)) >>> 16));
            }
            new CudaTimer(device).upload(data, buffer);
        }
        return buffer;
    }

    private WeightTensor randomFp8(int rows, int cols) {
        MemorySegment data = Arena.ofAuto().allocate((long) rows * cols, 16);
        for (long i = 0; i < (long) rows * cols; i++) {
            data.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextInt(256) & 0x8f | 0x20));
        }
        float[] scales = new float[rows];
        Arrays.fill(scales, 1f);
        return new WeightTensor(
                "random", WeightTensor.DType.F8_E4M3, rows, cols, data, scales, 1, cols);
    }
}
