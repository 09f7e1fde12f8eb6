package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.cuda.CudaLinear.Format;
import dev.millrace.engine.model.ModelConfig;

/**
 * Mixture of experts: tokens are routed, sorted by expert, and multiplied group by group. Which
 * expert gets how many tokens is known to the device alone; grids are made for the worst case.
 */
final class ExpertOps {
    private static final int COUNT_CHUNK = 256;

    private final Kernels kernels;
    private final int hidden;
    private final int width;
    private final int count;
    private final int perToken;
    private final boolean warpGroups;
    private final Fp8Scratch scratch;
    private final CudaBuffer activated;
    private final long logits;
    private final long ids;
    private final long weights;
    private final long counts;
    private final long offsets;
    private final long tiles;
    private final long assignmentAt;
    private final long placeOf;
    private final long gateUpOut;
    private final long downOut;

    /**
     * @param warpGroups whether FP8 products run by Hopper's kernels
     */
    ExpertOps(Kernels kernels, ModelConfig model, int maxTokens, boolean warpGroups) {
        this.kernels = kernels;
        this.warpGroups = warpGroups;
        hidden = model.hiddenSize();
        width = model.experts().intermediateSize();
        count = model.experts().count();
        perToken = model.experts().perToken();
        int n = (maxTokens + CudaBuffer.ROW_GRANULE) * perToken;
        scratch = new Fp8Scratch(kernels, n, Math.max(hidden, width));
        activated =
                new CudaBuffer(kernels.zeros(CudaBuffer.bytes(n, width, false)), n, width, false);
        logits = kernels.zeros(4L * (maxTokens + CudaBuffer.ROW_GRANULE) * count);
        ids = kernels.zeros(4L * n);
        weights = kernels.zeros(4L * n);
        counts = kernels.zeros(4L * Math.ceilDiv(n, COUNT_CHUNK) * count);
        offsets = kernels.zeros(4L * (count + 1));
        tiles = kernels.zeros(8L * LaunchPlan.expertTiles(n, count));
        assignmentAt = kernels.zeros(4L * n);
        placeOf = kernels.zeros(4L * n);
        gateUpOut = kernels.zeros(2L * n * 2 * width);
        downOut = kernels.zeros(2L * n * hidden);
    }

    /**
     * Puts the experts' matrices side by side: one linear [experts x out, in] for each of the two
     * products.
     */
    Experts pack(Experts block) {
        return new Experts(
                block.router(),
                stacked(block.gateUp()),
                stacked(block.down()),
                block.expertsPerToken(),
                block.renormalise());
    }

    private Linear[] stacked(Linear[] experts) {
        CudaLinear first = (CudaLinear) experts[0];
        long weightBytes = (long) first.outFeatures() * first.inFeatures() * first.format().bytes();
        long scaleBytes =
                switch (first.format()) {
                    case BF16 -> 0;
                    case FP8 -> 4L * first.outFeatures();
                    case FP8_BLOCK ->
                            4L
                                    * Math.ceilDiv(first.outFeatures(), 128)
                                    * Math.ceilDiv(first.inFeatures(), 128);
                };
        CudaDriver driver = kernels.driver();
        float rule = first.inputRule();
        long all = driver.allocate(weightBytes * experts.length);
        long scales = scaleBytes == 0 ? 0 : driver.allocate(scaleBytes * experts.length);
        for (int e = 0; e < experts.length; e++) {
            CudaLinear expert = (CudaLinear) experts[e];
            rule = wider(rule, expert.inputRule());
            if (expert.format() != first.format()) {
                throw new IllegalArgumentException(
                        expert + " beside " + first + ": experts must have one format");
            }
            driver.copy(all + e * weightBytes, expert.weights(), weightBytes);
            if (scaleBytes > 0) {
                driver.copy(scales + e * scaleBytes, expert.scales(), scaleBytes);
            }
            driver.synchronize();
            driver.free(expert.weights());
            if (scaleBytes > 0) {
                driver.free(expert.scales());
            }
        }
        return new Linear[] {
            new CudaLinear(
                    first.name(),
                    first.format(),
                    first.inFeatures(),
                    first.outFeatures(),
                    all,
                    scales,
                    0,
                    rule)
        };
    }

    /** Experts share their input's elements: the largest of their static scales, or of their bounds. */
    private static float wider(float rule, float other) {
        if (Math.signum(rule) != Math.signum(other)) {
            throw new IllegalArgumentException(
                    "experts of one layer have input_scale or bounds, and others have not");
        }
        return rule < 0 ? Math.min(rule, other) : Math.max(rule, other);
    }

    /** out = the weighted answers of each row's experts; in and out BF16 [rows, hidden]. */
    void run(Experts block, long in, long out, int rows) {
        int n = rows * perToken;
        route((CudaLinear) block.router(), in, rows, block.renormalise());
        CudaLinear gateUp = (CudaLinear) block.gateUp()[0];
        CudaLinear down = (CudaLinear) block.down()[0];
        CudaBuffer input = new CudaBuffer(in, rows, hidden, false);
        if (gateUp.format() != Format.BF16) {
            scratch.quantize(input, gateUp, rows);
        }
        product(gateUp, in, assignmentAt, gateUpOut, n);
        activate(down, n);
        product(down, activated.address(), 0, downOut, n);
        kernels.args()
                .pointer(downOut)
                .pointer(placeOf)
                .pointer(weights)
                .pointer(out)
                .i32(hidden)
                .i32(perToken);
        kernels.launch("moe_combine", LaunchPlan.rows(rows));
    }

    private void route(CudaLinear router, long in, int rows, boolean renormalise) {
        int n = rows * perToken;
        int chunks = Math.ceilDiv(n, COUNT_CHUNK);
        kernels.args().pointer(in).pointer(router.weights()).pointer(logits).i32(rows).i32(hidden).i32(count);
        kernels.launch("moe_router", LaunchPlan.expertRouter(rows));
        kernels.args()
                .pointer(logits)
                .pointer(ids)
                .pointer(weights)
                .i32(rows)
                .i32(count)
                .i32(perToken)
                .i32(renormalise ? 1 : 0);
        kernels.launch("moe_route", LaunchPlan.expertRoute(rows, count));
        kernels.args().pointer(ids).pointer(counts).i32(n).i32(count);
        kernels.launch("moe_count", LaunchPlan.expertCount(n, count));
        kernels.args()
                .pointer(counts)
                .pointer(offsets)
                .pointer(tiles)
                .i32(chunks)
                .i32(count)
                .i32(LaunchPlan.expertTiles(n, count));
        kernels.launch("moe_offsets", LaunchPlan.expertOffsets(count));
        kernels.args()
                .pointer(ids)
                .pointer(counts)
                .pointer(assignmentAt)
                .pointer(placeOf)
                .i32(n)
                .i32(count);
        kernels.launch("moe_place", LaunchPlan.expertPlace(n));
    }

    /** The grouped product; with {@code order} the rows are picked by token. */
    private void product(CudaLinear linear, long in, long order, long out, int n) {
        KernelArgs args = kernels.args();
        switch (linear.format()) {
            case BF16 -> args.pointer(in);
            case FP8 -> scratch.appendTo(args);
            case FP8_BLOCK -> scratch.appendTo(args).i32(scratch.stride());
        }
        args.pointer(order).i32(perToken).pointer(linear.weights());
        if (linear.format() != Format.BF16) {
            args.pointer(linear.scales());
        }
        args.pointer(offsets)
                .pointer(tiles)
                .pointer(out)
                .i32(linear.outFeatures())
                .i32(linear.inFeatures());
        boolean hopper = warpGroups && linear.format() != Format.BF16;
        kernels.launch(
                "moe_gemm_" + (hopper ? "sm90_" : "") + Fp8Scratch.suffix(linear),
                hopper
                        ? LaunchPlan.expertGemmByWarpGroups(n, count, linear.outFeatures())
                        : LaunchPlan.expertGemm(n, count, linear.outFeatures()));
    }

    private void activate(CudaLinear down, int n) {
        KernelArgs args = kernels.args().pointer(gateUpOut);
        switch (down.format()) {
            case BF16 -> args.pointer(activated.address()).i32(width);
            case FP8 ->
                    scratch.fill(activated, down, n)
                            .appendTo(args)
                            .i32(width)
                            .f32(down.inputRule());
            case FP8_BLOCK ->
                    scratch.fill(activated, down, n)
                            .appendTo(args)
                            .i32(scratch.stride())
                            .i32(width);
        }
        boolean kept = down.format() == Format.FP8;
        kernels.launch(
                "silu_mul_" + Fp8Scratch.suffix(down),
                kept ? LaunchPlan.keptRows(n, width) : LaunchPlan.rows(n));
    }
}
