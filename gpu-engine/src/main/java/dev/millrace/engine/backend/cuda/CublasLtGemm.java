package dev.millrace.engine.backend.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_A_SCALE_MODE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_A_SCALE_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_B_SCALE_MODE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_B_SCALE_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_FAST_ACCUM;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSA;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_T;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_NOT_SUPPORTED;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;
import static org.bytedeco.cuda.global.cudart.CUDA_R_8F_E4M3;

import dev.millrace.engine.backend.cuda.CudaLinear.Format;
import dev.millrace.engine.backend.cuda.NativeCudaDriver.Address;

import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashMap;
import java.util.Map;

/**
 * Products by cuBLASLt. cuBLAS is column-major, so that our row-major weights [N, K] are its A,
 * transposed, our activations [M, K] its B, and our output [M, N] its D of N rows. The scale vector
 * of "A" is then per output channel and that of "B" per token.
 *
 * <p>Algorithms are chosen by timing the first few that the heuristic proposes, once per shape and
 * bucket of rows, and kept on disk. Where cuBLASLt has none for a shape or a device, our own kernel
 * does the product, which is logged.
 */
final class CublasLtGemm implements GemmProvider {
    private static final Logger LOG = LoggerFactory.getLogger(CublasLtGemm.class);
    private static final int CANDIDATES = 8;
    private static final int TIMED_RUNS = 5;
    private static final int ROW_MULTIPLE = 4;

    private final NativeCudaDriver driver;
    private final Kernels kernels;
    private final cublasLtContext context = new cublasLtContext();
    private final cublasLtMatmulPreferenceOpaque_t preference =
            new cublasLtMatmulPreferenceOpaque_t();
    private final FloatPointer one = new FloatPointer(1f);
    private final FloatPointer zero = new FloatPointer(0f);
    private final Address workspace;
    private final GemmChoices choices;
    private final Map<GemmKey, Plan> plans = new HashMap<>();
    private final Map<Long, Long> blockScales = new HashMap<>();
    private final long timerStart;
    private final long timerEnd;

    /** Descriptors of a product; algo is null where our own kernel does it. */
    private record Plan(
            cublasLtMatmulDescOpaque_t description,
            cublasLtMatrixLayoutOpaque_t a,
            cublasLtMatrixLayoutOpaque_t b,
            cublasLtMatrixLayoutOpaque_t d,
            cublasLtMatmulAlgo_t algo) {}

    CublasLtGemm(NativeCudaDriver driver, GemmChoices choices) {
        this.driver = driver;
        this.choices = choices;
        kernels = new Kernels(driver);
        check("cublasLtCreate", cublas.cublasLtCreate(context));
        check("cublasLtMatmulPreferenceInit", cublas.cublasLtMatmulPreferenceInit(preference));
        workspace = new Address(driver.allocate(MemoryPlan.WORKSPACE_BYTES));
        try (LongPointer bytes = new LongPointer(MemoryPlan.WORKSPACE_BYTES)) {
            check(
                    "cublasLtMatmulPreferenceSetAttribute",
                    cublas.cublasLtMatmulPreferenceSetAttribute(
                            preference,
                            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                            bytes,
                            Long.BYTES));
        }
        timerStart = driver.createEvent();
        timerEnd = driver.createEvent();
    }

    @Override
    public void multiply(Gemm gemm) {
        Plan plan = plans.computeIfAbsent(GemmKey.of(gemm), key -> plan(gemm, key));
        if (plan.algo() == null) {
            ownKernel(gemm);
        } else {
            check("cublasLtMatmul " + gemm.weights(), run(gemm, plan, plan.algo()));
        }
    }

    private int run(Gemm gemm, Plan plan, cublasLtMatmulAlgo_t algo) {
        CudaLinear w = gemm.weights();
        if (w.format() != Format.BF16) {
            pointer(
                    plan.description(),
                    CUBLASLT_MATMUL_DESC_A_SCALE_POINTER,
                    w.format() == Format.FP8
                            ? w.scales()
                            : blockScales.computeIfAbsent(w.scales(), scales -> strided(w)));
            pointer(plan.description(), CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, gemm.inScales());
        }
        Address out = new Address(gemm.out());
        return cublas.cublasLtMatmul(
                context,
                plan.description(),
                one,
                new Address(w.weights()),
                plan.a(),
                new Address(gemm.in()),
                plan.b(),
                zero,
                out,
                plan.d(),
                out,
                plan.d(),
                algo,
                workspace,
                MemoryPlan.WORKSPACE_BYTES,
                driver.stream());
    }

    private Plan plan(Gemm gemm, GemmKey key) {
        CudaLinear w = gemm.weights();
        cublasLtMatmulDescOpaque_t description = new cublasLtMatmulDescOpaque_t();
        check(
                "cublasLtMatmulDescInit",
                cublas.cublasLtMatmulDescInit_internal(
                        description, description.sizeof(), CUBLAS_COMPUTE_32F, CUDA_R_32F));
        number(description, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
        if (w.format() != Format.BF16) {
            boolean block = w.format() == Format.FP8_BLOCK;
            number(
                    description,
                    CUBLASLT_MATMUL_DESC_A_SCALE_MODE,
                    block
                            ? CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F
                            : CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
            number(
                    description,
                    CUBLASLT_MATMUL_DESC_B_SCALE_MODE,
                    block
                            ? CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F
                            : CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F);
            fastAccumulation(description);
        }
        int element = w.format() == Format.BF16 ? CUDA_R_16BF : CUDA_R_8F_E4M3;
        int in = w.inFeatures();
        int out = w.outFeatures();
        Plan plan =
                new Plan(
                        description,
                        layout(element, in, out),
                        layout(element, in, key.rows()),
                        layout(gemm.outIsF32() ? CUDA_R_32F : CUDA_R_16BF, out, key.rows()),
                        null);
        cublasLtMatmulAlgo_t algo = algorithm(gemm, plan, key);
        return new Plan(plan.description(), plan.a(), plan.b(), plan.d(), algo);
    }

    /** The chosen algorithm; null if cuBLASLt has none here. */
    private cublasLtMatmulAlgo_t algorithm(Gemm gemm, Plan plan, GemmKey key) {
        if (gemm.weights().format() != Format.BF16 && !driver.properties().hasScaledFp8()) {
            LOG.info(
                    "{}: this device scales no FP8 products per row, our own kernel does",
                    gemm.weights());
            return null;
        }
        cublasLtMatmulHeuristicResult_t results = new cublasLtMatmulHeuristicResult_t(CANDIDATES);
        int[] found = new int[1];
        int status =
                cublas.cublasLtMatmulAlgoGetHeuristic(
                        context,
                        plan.description(),
                        plan.a(),
                        plan.b(),
                        plan.d(),
                        plan.d(),
                        preference,
                        CANDIDATES,
                        results,
                        found);
        if (status == CUBLAS_STATUS_NOT_SUPPORTED || found[0] == 0) {
            LOG.warn(
                    "cuBLASLt has no product for {} of {} rows, our own kernel does it",
                    gemm.weights(),
                    key.rows());
            return null;
        }
        check("cublasLtMatmulAlgoGetHeuristic", status);
        int known = choices.chosen(key, found[0]);
        int best = known >= 0 ? known : fastest(gemm, plan, results, found[0]);
        if (known < 0) {
            choices.choose(key, best);
        }
        cublasLtMatmulAlgo_t copy = new cublasLtMatmulAlgo_t(); // the results' memory goes with them
        Pointer.memcpy(copy, results.getPointer(best).algo(), copy.sizeof());
        return copy;
    }

    private int fastest(Gemm gemm, Plan plan, cublasLtMatmulHeuristicResult_t results, int count) {
        int best = 0;
        float bestMs = Float.POSITIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            cublasLtMatmulAlgo_t algo = results.getPointer(i).algo();
            if (run(gemm, plan, algo) != CUBLAS_STATUS_SUCCESS) {
                continue;
            }
            driver.record(timerStart);
            for (int k = 0; k < TIMED_RUNS; k++) {
                check("cublasLtMatmul", run(gemm, plan, algo));
            }
            driver.record(timerEnd);
            driver.await(timerEnd);
            float ms = driver.elapsedMs(timerStart, timerEnd);
            if (ms < bestMs) {
                bestMs = ms;
                best = i;
            }
        }
        return best;
    }

    /** The same product by the kernels of {@code gemm.cu}. */
    private void ownKernel(Gemm gemm) {
        CudaLinear w = gemm.weights();
        KernelArgs args = kernels.args().pointer(gemm.in());
        switch (w.format()) {
            case BF16 -> args.pointer(w.weights());
            case FP8 -> args.pointer(gemm.inScales()).pointer(w.weights()).pointer(w.scales());
            case FP8_BLOCK ->
                    args.pointer(gemm.inScales())
                            .i32(gemm.scaleStride())
                            .pointer(w.weights())
                            .pointer(w.scales());
        }
        args.pointer(0)
                .pointer(gemm.out())
                .i32(gemm.rows())
                .i32(w.outFeatures())
                .i32(w.inFeatures());
        String name = "gemm_" + Fp8Scratch.suffix(w) + (gemm.outIsF32() ? "_f32" : "");
        kernels.launch(
                name, LaunchPlan.gemm(gemm.rows(), w.outFeatures()));
    }

    /**
     * Block scales as cuBLASLt wants them: each column of K blocks starts at a multiple of four.
     */
    private long strided(CudaLinear w) {
        int across = Math.ceilDiv(w.inFeatures(), 128);
        int down = Math.ceilDiv(w.outFeatures(), 128);
        int stride = Math.ceilDiv(across, ROW_MULTIPLE) * ROW_MULTIPLE;
        if (stride == across) {
            return w.scales();
        }
        long copy = kernels.zeros(4L * stride * down);
        for (int i = 0; i < down; i++) {
            driver.copy(copy + 4L * i * stride, w.scales() + 4L * i * across, 4L * across);
        }
        return copy;
    }

    private static cublasLtMatrixLayoutOpaque_t layout(int type, long rows, long cols) {
        PointerPointer<Pointer> handle = new PointerPointer<>(1);
        check(
                "cublasLtMatrixLayoutCreate",
                cublas.cublasLtMatrixLayoutCreate(handle, type, rows, cols, rows));
        return new cublasLtMatrixLayoutOpaque_t(handle.get());
    }

    private static void number(cublasLtMatmulDescOpaque_t description, int attribute, int value) {
        try (IntPointer pointer = new IntPointer(1)) {
            pointer.put(value);
            check(
                    "cublasLtMatmulDescSetAttribute",
                    cublas.cublasLtMatmulDescSetAttribute(
                            description, attribute, pointer, Integer.BYTES));
        }
    }

    /**
     * Without it Hopper adds partial sums in F32 outside the tensor cores; the attribute is one
     * byte.
     */
    private static void fastAccumulation(cublasLtMatmulDescOpaque_t description) {
        try (BytePointer pointer = new BytePointer((byte) 1)) {
            check(
                    "cublasLtMatmulDescSetAttribute",
                    cublas.cublasLtMatmulDescSetAttribute(
                            description, CUBLASLT_MATMUL_DESC_FAST_ACCUM, pointer, 1));
        }
    }

    private static void pointer(
            cublasLtMatmulDescOpaque_t description, int attribute, long address) {
        try (LongPointer pointer = new LongPointer(1)) {
            pointer.put(address);
            check(
                    "cublasLtMatmulDescSetAttribute",
                    cublas.cublasLtMatmulDescSetAttribute(
                            description, attribute, pointer, Long.BYTES));
        }
    }

    private static void check(String call, int status) {
        if (status != CUBLAS_STATUS_SUCCESS) {
            throw new CudaException(call + ": " + cublas.cublasLtGetStatusName(status).getString());
        }
    }

    @Override
    public void close() {
        choices.save();
        cublas.cublasLtDestroy(context);
    }
}
