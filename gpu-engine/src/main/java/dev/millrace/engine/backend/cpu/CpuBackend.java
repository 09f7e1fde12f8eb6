package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.Vector;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The host processor as a device: linears by oneDNN in BF16 (F32 for F32 checkpoints and where the
 * processor has no BF16; INT8 where it is asked for), everything else by the Vector API in F32, KV
 * in BF16 (INT8 where it is asked for). Ops are done when they return. Not thread-safe: one thread
 * calls it, which takes part in the work as worker 0.
 */
public final class CpuBackend implements Backend {
    private final HugePages memory = new HugePages();
    private final Numerics numerics;
    private final OpTimes times = new OpTimes();
    private final WorkerPool pool;
    private final OneDnn dnn;
    private final RowParallel rowParallel;
    private final LinearRunner linears;
    private final ExpertRunner experts;
    private final Attention attention;

    /** Ops over rows: one object each for all calls. */
    private final NormKernels.Rows normRows = new NormKernels.Rows();

    private final ActivationKernels.Rows siluRows = new ActivationKernels.Rows();
    private final RopeKernel ropeRows = new RopeKernel();
    private Thread caller;
    private boolean closed;

    /**
     * @param threads that work on an op, the calling one among them; at least 1
     */
    public CpuBackend(int threads) {
        this(threads, Numerics.DEFAULT);
    }

    /** As above, computing as {@code numerics} says. */
    public CpuBackend(int threads, Numerics numerics) {
        this.numerics = numerics;
        dnn = new OneDnn(threads);
        pool = new WorkerPool(threads, OpenMp::useOneThread);
        rowParallel = new RowParallel(pool);
        linears = new LinearRunner(dnn, pool, rowParallel, numerics.batchInvariant());
        experts = new ExpertRunner(linears, rowParallel);
        attention = new Attention(pool, dnn, memory, numerics.batchInvariant());
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public boolean isCompiledAsItRuns() {
        return true;
    }

    @Override
    public Buffer allocate(int rows, int cols) {
        return new CpuBuffer(memory, rows, cols);
    }

    @Override
    public KvStore allocateKv(KvLayout layout) {
        return CpuKvStore.of(numerics.kv(), memory, layout);
    }

    @Override
    public int kvBytesPerElement() {
        return numerics.kv() == KvFormat.INT8 ? Byte.BYTES : Short.BYTES;
    }

    @Override
    public int kvBytesPerScale() {
        return numerics.kv() == KvFormat.INT8 ? Float.BYTES : 0;
    }

    @Override
    public Linear linear(List<WeightTensor> parts, float[] bias) {
        enter();
        Shapes.weights(parts, bias);
        return new PackedLinear(dnn, linearType(parts), memory, parts, bias);
    }

    private GemmType linearType(List<WeightTensor> parts) {
        if (numerics.weights() == WeightFormat.INT8) {
            return GemmType.INT8;
        }
        boolean f32 = parts.stream().allMatch(p -> p.dtype() == WeightTensor.DType.F32);
        return f32 ? GemmType.F32 : dnn.checkpointType();
    }

    @Override
    public Linear router(WeightTensor weights) {
        enter();
        return new PackedLinear(dnn, GemmType.F32, memory, List.of(weights), null);
    }

    @Override
    public Linear embedding(WeightTensor table) {
        return new CpuEmbedding(memory, table);
    }

    @Override
    public Vector vector(float[] values) {
        return new CpuVector(values.clone());
    }

    @Override
    public void embed(Linear table, ForwardInput input, Buffer out) {
        long began = enter();
        CpuEmbedding embedding = (CpuEmbedding) table;
        CpuBuffer to = (CpuBuffer) out;
        Shapes.buffer("embed", "out", to, input.numTokens, embedding.inFeatures());
        for (int t = 0; t < input.numTokens; t++) {
            embedding.copyRow(input.tokenIds[t], to.row(t));
        }
        times.add(OpTimes.Kind.ROWS, began);
    }

    @Override
    public void addRmsNorm(
            Buffer residual, Buffer delta, Vector weight, float epsilon, Buffer out, int rows) {
        addRmsNorm(residual, delta, new Norm(weight, epsilon), null, out, rows);
    }

    @Override
    public void addRmsNorm(
            Buffer residual, Buffer delta, Norm norm, Linear reader, Buffer out, int rows) {
        long began = enter();
        float[] values = ((CpuVector) norm.weight()).values();
        CpuBuffer sum = (CpuBuffer) residual;
        CpuBuffer change = (CpuBuffer) delta;
        CpuBuffer to = (CpuBuffer) out;
        Shapes.buffer("addRmsNorm", "residual", sum, rows, values.length);
        Shapes.buffer("addRmsNorm", "out", to, rows, values.length);
        if (change != null) {
            Shapes.buffer("addRmsNorm", "delta", change, rows, values.length);
        }
        rowParallel.run(
                rows,
                (reader == null ? 2 : 4) * values.length,
                normRows.of(sum, change, to, values, norm.epsilon(), ahead(reader, to, rows)));
        times.add(OpTimes.Kind.ROWS, began);
    }

    /** What brings a row of {@code out} into the form that its reader, if it has one, takes. */
    private RowParallel.RowOp ahead(Linear reader, CpuBuffer out, int rows) {
        if (reader == null) {
            return RowParallel.NOTHING;
        }
        Shapes.equal("ahead of a linear", "columns of out", out.cols(), reader.inFeatures());
        return linears.ahead((PackedLinear) reader, out.row(0), rows);
    }

    @Override
    public void linear(Linear weights, Buffer in, Buffer out, int rows) {
        long began = enter();
        PackedLinear packed = (PackedLinear) weights;
        CpuBuffer from = (CpuBuffer) in;
        CpuBuffer to = (CpuBuffer) out;
        Shapes.buffer("linear", "in", from, rows, packed.inFeatures());
        Shapes.buffer("linear", "out", to, rows, packed.outFeatures());
        linears.run(packed, from.row(0), to.row(0), rows);
        times.add(OpTimes.Kind.GEMM, began);
    }

    @Override
    public void ropeAndStore(
            Buffer qkv,
            AttentionSpec spec,
            QkNormRope qk,
            ForwardInput input,
            KvStore kv,
            int layer) {
        long began = enter();
        CpuBuffer rows = (CpuBuffer) qkv;
        CpuKvStore store = (CpuKvStore) kv;
        Shapes.buffer("ropeAndStore", "qkv", rows, input.numTokens, spec.qkvCols());
        Shapes.spec("ropeAndStore", spec, kv.layout(), layer);
        Shapes.equal(
                "ropeAndStore",
                "head dimension of the rope table",
                qk.rope().headDim(),
                spec.headDim());
        Shapes.slots(input, kv.layout());
        ropeRows.with(
                spec, norm(qk.qNorm(), spec), norm(qk.kNorm(), spec), qk.epsilon(), qk.rope());
        rowParallel.run(
                input.numTokens, 8 * spec.qkvCols(), ropeRows.of(rows, input, store, layer));
        times.add(OpTimes.Kind.ROWS, began);
    }

    private static float[] norm(Vector weight, AttentionSpec spec) {
        if (weight == null) {
            return null;
        }
        Shapes.equal("ropeAndStore", "length of a norm of q or k", weight.length(), spec.headDim());
        return ((CpuVector) weight).values();
    }

    @Override
    public void attention(
            Buffer qkv, AttentionSpec spec, ForwardInput input, KvStore kv, int layer, Buffer out) {
        long began = enter();
        Shapes.buffer("attention", "qkv", (CpuBuffer) qkv, input.numTokens, spec.qkvCols());
        Shapes.buffer("attention", "out", (CpuBuffer) out, input.numTokens, spec.outCols());
        Shapes.spec("attention", spec, kv.layout(), layer);
        Shapes.blocks(
                spec, input, kv.layout(), AttentionKernel.alignment(numerics.batchInvariant()));
        attention.run((CpuBuffer) qkv, spec, input, (CpuKvStore) kv, layer, (CpuBuffer) out);
        times.add(OpTimes.Kind.ATTENTION, began);
    }

    /** Keys that attention's problems have read, for tests of what shared prefixes save. */
    public long attentionKeysRead() {
        return attention.keysRead();
    }

    @Override
    public void siluMul(Buffer gateUp, Buffer out, int rows) {
        siluMul(gateUp, null, out, rows);
    }

    @Override
    public void siluMul(Buffer gateUp, Linear reader, Buffer out, int rows) {
        long began = enter();
        CpuBuffer from = (CpuBuffer) gateUp;
        CpuBuffer to = (CpuBuffer) out;
        Shapes.buffer("siluMul", "out", to, rows, to.cols());
        Shapes.buffer("siluMul", "gateUp", from, rows, 2 * to.cols());
        rowParallel.run(
                rows,
                (reader == null ? 4 : 6) * to.cols(),
                siluRows.of(from, to, ahead(reader, to, rows)));
        times.add(OpTimes.Kind.ROWS, began);
    }

    @Override
    public void experts(Experts block, Buffer in, Buffer out, int rows) {
        long began = enter();
        Shapes.experts(block);
        Shapes.buffer("experts", "in", (CpuBuffer) in, rows, block.router().inFeatures());
        Shapes.buffer("experts", "out", (CpuBuffer) out, rows, block.router().inFeatures());
        if (rows > 0) {
            experts.run(block, (CpuBuffer) in, (CpuBuffer) out, rows);
        }
        times.add(OpTimes.Kind.GEMM, began);
    }

    @Override
    public void gather(Buffer in, int[] rows, int count, Buffer out) {
        long began = enter();
        CpuBuffer from = (CpuBuffer) in;
        CpuBuffer to = (CpuBuffer) out;
        Shapes.buffer("gather", "out", to, count, from.cols());
        for (int i = 0; i < count; i++) {
            Shapes.atMost("gather", "row", i, rows[i], from.rows() - 1);
            Native.copy(from.row(rows[i]), to.row(i), 4L * from.cols());
        }
        times.add(OpTimes.Kind.ROWS, began);
    }

    @Override
    public void read(Buffer buffer, int row, float[] out) {
        enter();
        CpuBuffer from = (CpuBuffer) buffer;
        Shapes.atMost("read", "row", row, from.rows() - 1);
        Shapes.atMost("read", "columns", from.cols(), out.length);
        MemorySegment.copy(
                Native.ALL, ValueLayout.JAVA_FLOAT_UNALIGNED, from.row(row), out, 0, from.cols());
    }

    /**
     * Memory is addressed without checks of its life, so nothing may run after close; and OpenMP's
     * setting is per thread. Returns the time.
     */
    private long enter() {
        if (closed) {
            throw new IllegalStateException("the cpu device is closed");
        }
        if (Thread.currentThread() != caller) {
            caller = Thread.currentThread();
            OpenMp.useOneThread();
        }
        linears.opBegins();
        return System.nanoTime();
    }

    @Override
    public DeviceTimes times() {
        return times.sums();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        pool.close();
        experts.close();
        linears.close();
        attention.close();
        dnn.close();
        memory.close();
    }
}
