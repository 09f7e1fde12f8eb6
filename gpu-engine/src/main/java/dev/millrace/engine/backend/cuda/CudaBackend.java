package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.TokenChooser;
import dev.millrace.engine.backend.Vector;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelConfig;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The ops as CUDA kernels. Ops are queued; nothing waits but {@link #read}. Activations are BF16;
 * what a linear of FP8 weights reads is written as FP8 by the op before it. The device's memory is
 * taken in {@link #fit} and while the model is loaded, and never again.
 */
public final class CudaBackend implements Backend {
    private static final Logger LOG = LoggerFactory.getLogger(CudaBackend.class);

    private final CudaDriver driver;
    private final GemmProvider gemm;
    private final CudaConfig config;
    private final Kernels kernels;
    private final WeightPacker packer;
    private final RopeOps ropes;

    private CudaStep step;
    private Fp8Scratch scratch;
    private ExpertOps experts;
    private ModelConfig model;
    private EngineConfig engine;
    private int logitRows;
    private CudaChooser chooser;
    private String memory;

    /** Takes over both; closed with this. */
    CudaBackend(CudaDriver driver, GemmProvider gemm, CudaConfig config) {
        this.driver = driver;
        this.gemm = gemm;
        this.config = config;
        kernels = new Kernels(driver);
        ropes = new RopeOps(kernels);
        packer = new WeightPacker(kernels, config.quantizeWeights());
    }

    @Override
    public String name() {
        return "cuda (" + driver.properties().name() + ")";
    }

    @Override
    public boolean isAsynchronous() {
        return true;
    }

    @Override
    public EngineConfig fit(ModelConfig shape, EngineConfig wanted) {
        DeviceProperties device = driver.properties();
        if (shape.headDim() != 64 && shape.headDim() != 128) {
            throw new IllegalArgumentException(
                    "head_dim "
                            + shape.headDim()
                            + ": the CUDA device has attention for 64 and 128");
        }
        int group = shape.numQueryHeads() / shape.numKvHeads();
        if (group > AttentionPlanner.DECODE_ROWS) {
            throw new IllegalArgumentException(
                    group
                            + " query heads per KV head: the CUDA device takes at most "
                            + AttentionPlanner.DECODE_ROWS);
        }
        MemoryPlan.Budget budget =
                new MemoryPlan.Budget(
                        device.totalBytes(), driver.freeBytes(), config.memoryShare());
        MemoryPlan plan = MemoryPlan.of(shape, wanted, config, budget, device.multiprocessors());
        memory = plan.describe();
        LOG.info("device memory: {}", memory);
        model = shape;
        engine = wanted.withKvCacheBytes(plan.kv());
        logitRows = plan.logitRows();
        AttentionPlanner.Shape work =
                AttentionPlanner.Shape.of(model, engine.blockSize(), device, config);
        step = new CudaStep(kernels, work, model, engine);
        scratch =
                new Fp8Scratch(
                        kernels, engine.maxNumBatchedTokens(), MemoryPlan.widestInput(model));
        experts =
                model.experts() == null
                        ? null
                        : new ExpertOps(
                                kernels, model, engine.maxNumBatchedTokens(), device.hasWarpGroups());
        return engine;
    }

    @Override
    public Buffer allocate(int rows, int cols) {
        return new CudaBuffer(
                kernels.zeros(CudaBuffer.bytes(rows, cols, false)), rows, cols, false);
    }

    @Override
    public KvStore allocateKv(KvLayout layout) {
        float[] ones = new float[layout.numLayers()];
        Arrays.fill(ones, 1);
        return allocateKv(layout, ones, ones);
    }

    @Override
    public KvStore allocateKv(KvLayout layout, float[] keyScales, float[] valueScales) {
        long bytes = layout.bytesPerBlock() * layout.numBlocks();
        return new CudaKvStore(
                driver,
                layout,
                config.kvFp8(),
                kernels.zeros(bytes),
                kernels.upload(CudaKvStore.perHead(keyScales, layout)),
                kernels.upload(CudaKvStore.perHead(valueScales, layout)));
    }

    @Override
    public int kvBytesPerElement() {
        return config.kvFp8() ? 1 : 2;
    }

    @Override
    public Linear linear(List<WeightTensor> parts, float[] bias) {
        return parts.size() == 1 && bias == null
                ? packer.table(parts.getFirst())
                : packer.linear(parts, bias, ActivationScheme.UNROUNDED);
    }

    @Override
    public Linear linear(List<WeightTensor> parts, float[] bias, ActivationScheme activations) {
        return packer.linear(parts, bias, activations);
    }

    @Override
    public Linear router(WeightTensor weights) {
        return packer.f32(weights);
    }

    @Override
    public Experts pack(Experts block) {
        return experts.pack(block);
    }

    @Override
    public Linear embedding(WeightTensor table) {
        return packer.table(table);
    }

    @Override
    public Vector vector(float[] values) {
        return new CudaVector(kernels.upload(values), values.length);
    }

    @Override
    public TokenChooser chooser(Linear head) {
        chooser =
                new CudaChooser(
                        kernels,
                        gemm,
                        (CudaLinear) head,
                        new CudaChooser.Rows(logitRows, engine.maxNumBatchedTokens()));
        return chooser;
    }

    @Override
    public void step(ForwardInput input, IntConsumer program) {
        step.run(input, chooser == null ? 0 : chooser.sampled(), program);
    }

    @Override
    public void embed(Linear table, ForwardInput input, Buffer out) {
        CudaLinear linear = (CudaLinear) table;
        int rows = step.rows();
        kernels.args()
                .pointer(step.input().tokenIds)
                .pointer(linear.weights())
                .pointer(written(out).address())
                .i32(linear.inFeatures())
                .i32(linear.outFeatures());
        kernels.launch("embed", LaunchPlan.rows(rows));
    }

    @Override
    public void addRmsNorm(
            Buffer residual, Buffer delta, Vector weight, float epsilon, Buffer out, int rows) {
        addRmsNorm(residual, delta, new Norm(weight, epsilon), null, out, rows);
    }

    @Override
    public void addRmsNorm(
            Buffer residual, Buffer delta, Norm norm, Linear reader, Buffer out, int rows) {
        CudaBuffer sum = settled(residual, rows);
        long change = delta == null ? 0 : settled(delta, rows).address();
        long weight = ((CudaVector) norm.weight()).address();
        CudaLinear next = (CudaLinear) reader;
        CudaBuffer result = written(out);
        int cols = sum.cols();
        KernelArgs args = kernels.args().pointer(sum.address()).pointer(change).pointer(weight);
        switch (next == null ? CudaLinear.Format.BF16 : next.format()) {
            case BF16 -> args.pointer(result.address()).i32(cols).f32(norm.epsilon());
            case FP8 ->
                    scratch.fill(result, next, rows)
                            .appendTo(args)
                            .i32(cols)
                            .f32(norm.epsilon())
                            .f32(next.inputRule());
            case FP8_BLOCK ->
                    scratch.fill(result, next, rows)
                            .appendTo(args)
                            .i32(scratch.stride())
                            .i32(cols)
                            .f32(norm.epsilon());
        }
        kernels.launch("rms_norm_" + Fp8Scratch.suffix(next), LaunchPlan.keptRows(rows, cols));
    }

    @Override
    public void linear(Linear weights, Buffer in, Buffer out, int rows) {
        CudaLinear linear = (CudaLinear) weights;
        CudaBuffer input = settled(in, rows);
        if (linear.format() != CudaLinear.Format.BF16 && !scratch.holds(input, linear, rows)) {
            scratch.quantize(input, linear, rows);
        }
        CudaBuffer result = (CudaBuffer) out;
        if (linear.format() == CudaLinear.Format.BF16) {
            gemm.multiply(
                    new Gemm(linear, values(input), 0, 0, result.address(), result.isF32(), rows));
        } else {
            gemm.multiply(
                    new Gemm(
                            linear,
                            scratch.values(),
                            scratch.scales(),
                            scratch.stride(),
                            result.address(),
                            false,
                            rows));
        }
        written(out).pendingBias = linear.bias();
    }

    @Override
    public void ropeAndStore(
            Buffer qkv,
            AttentionSpec spec,
            QkNormRope qk,
            ForwardInput input,
            KvStore kv,
            int layer) {
        CudaBuffer heads = (CudaBuffer) qkv;
        CudaKvStore store = (CudaKvStore) kv;
        ropes.run(heads, spec, qk, store.at(layer), step);
    }

    @Override
    public void attention(
            Buffer qkv, AttentionSpec spec, ForwardInput input, KvStore kv, int layer, Buffer out) {
        step.attention((CudaBuffer) qkv, spec, (CudaKvStore) kv, layer, written(out));
    }

    @Override
    public void siluMul(Buffer gateUp, Buffer out, int rows) {
        siluMul(gateUp, null, out, rows);
    }

    @Override
    public void siluMul(Buffer gateUp, Linear reader, Buffer out, int rows) {
        CudaLinear next = (CudaLinear) reader;
        CudaBuffer in = settled(gateUp, rows);
        CudaBuffer result = written(out);
        KernelArgs args = kernels.args().pointer(in.address());
        switch (next == null ? CudaLinear.Format.BF16 : next.format()) {
            case BF16 -> args.pointer(result.address()).i32(out.cols());
            case FP8 ->
                    scratch.fill(result, next, rows)
                            .appendTo(args)
                            .i32(out.cols())
                            .f32(next.inputRule());
            case FP8_BLOCK ->
                    scratch.fill(result, next, rows)
                            .appendTo(args)
                            .i32(scratch.stride())
                            .i32(out.cols());
        }
        boolean kept = next != null && next.format() == CudaLinear.Format.FP8;
        kernels.launch(
                "silu_mul_" + Fp8Scratch.suffix(next),
                kept ? LaunchPlan.keptRows(rows, out.cols()) : LaunchPlan.rows(rows));
    }

    @Override
    public void experts(Experts block, Buffer in, Buffer out, int rows) {
        CudaBuffer input = settled(in, rows);
        experts.run(block, values(input), written(out).address(), rows);
    }

    @Override
    public void gather(Buffer in, int[] rows, int count, Buffer out) {
        try (Arena arena = Arena.ofConfined()) {
            long device =
                    kernels.upload(
                            arena.allocateFrom(ValueLayout.JAVA_INT, Arrays.copyOf(rows, count)));
            kernels.args()
                    .pointer(values(settled(in, in.rows())))
                    .pointer(device)
                    .pointer(written(out).address())
                    .i64(2L * in.cols());
            kernels.launch("gather_rows", LaunchPlan.rows(count));
            driver.synchronize();
            driver.free(device);
        }
    }

    @Override
    public void read(Buffer buffer, int row, float[] out) {
        DeviceReader.row(driver, settled(buffer, buffer.rows()), row, out);
    }

    /** The buffer with its bias added. */
    private CudaBuffer settled(Buffer buffer, int rows) {
        CudaBuffer settled = (CudaBuffer) buffer;
        if (settled.pendingBias != 0) {
            kernels.args()
                    .pointer(settled.address())
                    .pointer(settled.pendingBias)
                    .i32(settled.cols());
            settled.pendingBias = 0;
            kernels.launch("add_bias", LaunchPlan.rows(rows));
        }
        return settled;
    }

    /** Address of the BF16 or F32 values. */
    private static long values(CudaBuffer buffer) {
        if (!buffer.holdsValues) {
            throw new IllegalStateException("only the FP8 form of this buffer was written");
        }
        return buffer.address();
    }

    /** Notes that a buffer gets new values. */
    private CudaBuffer written(Buffer buffer) {
        CudaBuffer written = (CudaBuffer) buffer;
        written.pendingBias = 0;
        written.holdsValues = true;
        if (scratch != null) {
            scratch.forget(written);
        }
        return written;
    }

    /** The device, for reports. */
    public DeviceProperties properties() {
        return driver.properties();
    }

    /** What was taken of the device's memory, once {@link #fit} was called. */
    public String memory() {
        return memory;
    }

    /** Steps that were replayed as graphs so far. */
    public long stepsReplayed() {
        return step.stepsReplayed();
    }

    /** Sequences, summed over steps, whose common prefix was read once for all. */
    public long sharedSequences() {
        return step.sharedSequences();
    }

    CudaDriver driver() {
        return driver;
    }

    @Override
    public void close() {
        gemm.close();
        driver.close();
    }
}
