package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.data_type;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.stream;

/**
 * One prepared matrix product of a fixed number of rows, with its argument list. Used by one
 * worker.
 */
final class Gemm implements AutoCloseable {
    private final matmul primitive;
    private final stream stream;
    private final memory src;
    private final memory weights;
    private final memory bias;
    private final memory dst;
    private final IntMemoryMap arguments = new IntMemoryMap();
    private final Address address = new Address(0);

    Gemm(OneDnn dnn, matmul.primitive_desc description, stream stream, GemmShape shape) {
        this.primitive = new matmul(description);
        this.stream = stream;
        this.src = new memory(description.src_desc(), dnn.engine(), address);
        this.weights = new memory(description.weights_desc(), dnn.engine(), address);
        this.dst = new memory(description.dst_desc(), dnn.engine(), address);
        this.bias =
                shape.bias() ? new memory(description.bias_desc(), dnn.engine(), address) : null;
        arguments.put(dnnl.DNNL_ARG_SRC, src);
        arguments.put(dnnl.DNNL_ARG_WEIGHTS, weights);
        arguments.put(dnnl.DNNL_ARG_DST, dst);
        if (bias != null) {
            arguments.put(dnnl.DNNL_ARG_BIAS, bias);
        }
    }

    /**
     * dst = src · weights + bias. A stream of the host processor has finished when this returns.
     *
     * @param srcAddress rows of the plan's type
     * @param weightsAddress packed by {@link GemmPlan#pack}
     * @param biasAddress F32 [columns]; not read where there is none
     * @param dstAddress F32; INT8: the sums as ints
     */
    void run(long srcAddress, long weightsAddress, long biasAddress, long dstAddress) {
        src.set_data_handle(address.at(srcAddress));
        weights.set_data_handle(address.at(weightsAddress));
        dst.set_data_handle(address.at(dstAddress));
        if (bias != null) {
            bias.set_data_handle(address.at(biasAddress));
        }
        primitive.execute(stream, arguments);
    }

    @Override
    public void close() {
        arguments.close();
        src.close();
        weights.close();
        dst.close();
        if (bias != null) {
            bias.close();
        }
        primitive.close();
    }
}
