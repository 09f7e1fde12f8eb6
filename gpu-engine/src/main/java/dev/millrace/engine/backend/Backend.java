package dev.millrace.engine.backend;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelConfig;

import java.util.List;
import java.util.function.IntConsumer;

/**
 * The op list of a device: what a decoder needs and nothing else. T is the number of tokens of the
 * step. An op works on the first T rows of its buffers; buffers are made once for the largest step.
 * Ops run in the order they are called; only {@link #read} waits for them. {@code ScalarBackend}
 * defines what each must compute.
 */
public interface Backend extends AutoCloseable {

    String name();

    /**
     * Told before anything is loaded what is coming, so that a device can take its memory at once.
     *
     * @return the settings that this device will work with: its KV cache may be smaller than wanted
     */
    default EngineConfig fit(ModelConfig model, EngineConfig wanted) {
        return wanted;
    }

    /** Whether the first calls are far slower than later ones, as loops of this JVM are. */
    default boolean isCompiledAsItRuns() {
        return false;
    }

    /** Whether ops are queued and run while the host goes on; then {@link #chooser} is not null. */
    default boolean isAsynchronous() {
        return false;
    }

    /** Takes memory for activations. */
    Buffer allocate(int rows, int cols);

    KvStore allocateKv(KvLayout layout);

    /**
     * The KV cache of a checkpoint that comes with scales for keys and values; a device that does
     * not round them has no use for the scales.
     *
     * @param keyScales [layers] element = key / scale
     * @param valueScales [layers] likewise
     */
    default KvStore allocateKv(KvLayout layout, float[] keyScales, float[] valueScales) {
        return allocateKv(layout);
    }

    /** Bytes that one key or value takes in {@link #allocateKv}. */
    int kvBytesPerElement();

    /** Bytes of the scale that each head's key, and its value, of a token has there; 0 for none. */
    default int kvBytesPerScale() {
        return 0;
    }

    /**
     * Packs a linear layer.
     *
     * @param parts matrices with equal cols, stacked by rows (q over k over v; gate over up)
     * @param bias [sum of rows] or null
     */
    Linear linear(List<WeightTensor> parts, float[] bias);

    /**
     * Packs a linear layer whose input a device with FP8 arithmetic rounds to FP8.
     *
     * @param activations how the checkpoint wants its input rounded; others than FP8 devices ignore
     *     it
     */
    default Linear linear(List<WeightTensor> parts, float[] bias, ActivationScheme activations) {
        return linear(parts, bias);
    }

    /**
     * Packs the router of a mixture of experts. Its output is turned into a choice, so a small
     * error becomes a large one: a device that computes linears roughly computes this one in F32.
     */
    default Linear router(WeightTensor weights) {
        return linear(List.of(weights), null);
    }

    /**
     * Brings the matrices of a mixture of experts into the form that {@link #experts} takes, once.
     */
    default Experts pack(Experts experts) {
        return experts;
    }

    /** Packs an embedding table [vocabulary, hidden]. */
    Linear embedding(WeightTensor table);

    Vector vector(float[] values);

    /**
     * Runs the layers of a step. A device may run more rows than the step has tokens, so that few
     * shapes occur: those rows hold nothing that is read again.
     *
     * @param program calls ops for the number of rows that it is given
     */
    default void step(ForwardInput input, IntConsumer program) {
        program.accept(input.numTokens);
    }

    /**
     * What chooses tokens on this device.
     *
     * @param head hidden → vocabulary
     * @return null where the host must choose
     */
    default TokenChooser chooser(Linear head) {
        return null;
    }

    /** out[t] = table[tokenIds[t]]; out [T, hidden]. */
    void embed(Linear table, ForwardInput input, Buffer out);

    /**
     * residual += delta, then out = residual / rms(residual) * weight, per row (RMSNorm, arXiv
     * 1910.07467).
     *
     * @param delta null adds nothing
     * @param residual [T, hidden], changed
     * @param out [T, hidden]
     */
    void addRmsNorm(
            Buffer residual, Buffer delta, Vector weight, float epsilon, Buffer out, int rows);

    /**
     * As above, where only {@code reader} will read {@code out}: a device may write it in that
     * layer's input format.
     *
     * @param norm the weights and epsilon of the norm
     * @param reader null for several or other readers
     */
    default void addRmsNorm(
            Buffer residual, Buffer delta, Norm norm, Linear reader, Buffer out, int rows) {
        addRmsNorm(residual, delta, norm.weight(), norm.epsilon(), out, rows);
    }

    /** Weights and epsilon of an RMSNorm. */
    record Norm(Vector weight, float epsilon) {}

    /** out = in Wᵀ + bias; in [rows, inFeatures], out [rows, outFeatures]. */
    void linear(Linear weights, Buffer in, Buffer out, int rows);

    /**
     * Norms q and k per head where weights are given, rotates them, and stores k and v at the
     * step's slots. The rotated q stays in its place in qkv.
     *
     * @param qkv [T, spec.qkvCols()], changed
     */
    void ropeAndStore(
            Buffer qkv,
            AttentionSpec spec,
            QkNormRope qk,
            ForwardInput input,
            KvStore kv,
            int layer);

    /** Causal attention of the step's q over the cached context; out [T, spec.outCols()]. */
    void attention(
            Buffer qkv, AttentionSpec spec, ForwardInput input, KvStore kv, int layer, Buffer out);

    /** out = silu(gate) * up; gateUp [rows, 2 * intermediate], out [rows, intermediate]. */
    void siluMul(Buffer gateUp, Buffer out, int rows);

    /** As above, where only {@code reader} will read {@code out}. */
    default void siluMul(Buffer gateUp, Linear reader, Buffer out, int rows) {
        siluMul(gateUp, out, rows);
    }

    /**
     * Routes each row to its experts and sums their weighted outputs; in and out [rows, hidden].
     */
    void experts(Experts experts, Buffer in, Buffer out, int rows);

    /** out[i] = in[rows[i]] for i below count. */
    void gather(Buffer in, int[] rows, int count, Buffer out);

    /** Waits for all ops and copies a row to the host; out has at least buffer.cols() places. */
    void read(Buffer buffer, int row, float[] out);

    /** Where the device's time has gone since start. */
    default DeviceTimes times() {
        return DeviceTimes.NONE;
    }

    /** Frees the device's memory. */
    @Override
    void close();
}
