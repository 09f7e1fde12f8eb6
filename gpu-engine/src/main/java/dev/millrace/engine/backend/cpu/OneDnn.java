package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
    private final Map<GemmShape, GemmPlan> plans = new HashMap<>();

    OneDnn(int workers) {
        engine = new engine(org.bytedeco.dnnl.engine.kind.cpu, 0);
        OpenMp.useOneThread();
        streams = new stream[workers];
        for (int i = 0; i < workers; i++) {
            streams[i] = new stream(engine);
        }
        int isa = dnnl.dnnl_get_effective_cpu_isa();
        boolean bf16 =
                (isa & dnnl.dnnl_cpu_isa_avx512_core_bf16) == dnnl.dnnl_cpu_isa_avx512_core_bf16;
        checkpointType = bf16 ? GemmType.BF16 : GemmType.F32;
        LOG.info(
                "{} GEMM for linears of BF16, F16 and FP8 checkpoints: the processor {} BF16 dot"
                    + " products (oneDNN isa 0x{}); {} threads, {}-bit vectors",
                checkpointType,
                bf16 ? "has" : "lacks",
                Integer.toHexString(isa),
                workers,
                Native.F.vectorBitSize());
    }

    /**
     * The type for weights that are not F32 in the checkpoint: BF16 where the processor multiplies
     * it.
     */
    GemmType checkpointType() {
        return checkpointType;
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
        for (stream each : streams) {
            each.close();
        }
        engine.close();
    }
}
