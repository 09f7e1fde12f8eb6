package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.CpuInfo;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * oneDNN's engine, and the GEMMs prepared so far: one plan per shape, however many layers share it.
 */
final class OneDnn implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OneDnn.class);

    private final engine engine;
    private final stream[] streams;
    private final GemmType checkpointType;
    private final boolean widensBf16;
    private final GrowingMemory[] panels;
    private final Map<GemmShape, GemmPlan> plans = new HashMap<>();

    OneDnn(int workers) {
        this(workers, !has(dnnl.dnnl_cpu_isa_avx512_core_amx) && isIntel());
    }

    /**
     * @param widensBf16 {@link #widensBf16}, where the processor has BF16 at all
     */
    OneDnn(int workers, boolean widensBf16) {
        engine = new engine(org.bytedeco.dnnl.engine.kind.cpu, 0);
        OpenMp.useOneThread();
        streams = new stream[workers];
        for (int i = 0; i < workers; i++) {
            streams[i] = new stream(engine);
        }
        boolean bf16 = has(dnnl.dnnl_cpu_isa_avx512_core_bf16);
        checkpointType = bf16 ? GemmType.BF16 : GemmType.F32;
        this.widensBf16 = bf16 && widensBf16;
        panels = new GrowingMemory[workers];
        Arrays.setAll(panels, worker -> new GrowingMemory());
        LOG.info(
                "{} GEMM for linears of BF16, F16 and FP8 checkpoints{}: the processor {} BF16 dot"
                    + " products (oneDNN isa 0x{}); {} threads, {}-bit vectors",
                checkpointType,
                this.widensBf16 ? ", widened to F32 for many rows" : "",
                bf16 ? "has" : "lacks",
                Integer.toHexString(dnnl.dnnl_get_effective_cpu_isa()),
                workers,
                Native.F.vectorBitSize());
    }

    private static boolean isIntel() {
        return CpuInfo.field("vendor_id").filter("GenuineIntel"::equals).isPresent();
    }

    private static boolean has(int isa) {
        return (dnnl.dnnl_get_effective_cpu_isa() & isa) == isa;
    }

    /**
     * The type for weights that are not F32 in the checkpoint: BF16 where the processor multiplies
     * it.
     */
    GemmType checkpointType() {
        return checkpointType;
    }

    /**
     * Whether products of many rows are faster in F32, over weights widened from BF16: Intel's BF16
     * dot product has half of the throughput of F32 where it is not done by AMX.
     */
    boolean widensBf16() {
        return widensBf16;
    }

    /** {@link Int8}'s offset of activations. */
    int int8Offset() {
        boolean vnni =
                has(dnnl.dnnl_cpu_isa_avx512_core_vnni) || has(dnnl.dnnl_cpu_isa_avx2_vnni);
        return vnni ? Int8.OFFSET : Int8.SHORT_OFFSET;
    }

    /** A worker's memory for {@link WidenedPanels}. */
    GrowingMemory panel(int worker) {
        return panels[worker];
    }

    engine engine() {
        return engine;
    }

    int workers() {
        return streams.length;
    }

    stream stream(int worker) {
        return streams[worker];
    }

    GemmPlan plan(GemmShape shape) {
        return plans.computeIfAbsent(shape, s -> new GemmPlan(this, s, streams.length));
    }

    @Override
    public void close() {
        plans.values().forEach(GemmPlan::close);
        plans.clear();
        for (GrowingMemory panel : panels) {
            panel.close();
        }
        for (stream each : streams) {
            each.close();
        }
        engine.close();
    }
}
