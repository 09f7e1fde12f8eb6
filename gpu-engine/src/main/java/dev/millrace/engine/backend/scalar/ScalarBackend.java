package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.Vector;
import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

import java.util.List;

/**
 * The oracle: every op in the most obvious way, on one thread. Sums run in double, values are kept
 * in F32, so that its results are what exact arithmetic rounds to; all other devices are judged by
 * it. Far too slow for real models.
 */
public final class ScalarBackend implements Backend {

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public Buffer allocate(int rows, int cols) {
        return new ScalarBuffer(rows, cols);
    }

    @Override
    public KvStore allocateKv(KvLayout layout) {
        return new ScalarKvStore(layout);
    }

    @Override
    public int kvBytesPerElement() {
        return Float.BYTES;
    }

    @Override
    public Linear linear(List<WeightTensor> parts, float[] bias) {
        int cols = parts.getFirst().cols();
        int rows = parts.stream().mapToInt(WeightTensor::rows).sum();
        float[][] weights = new float[rows][cols];
        int filled = 0;
        for (WeightTensor part : parts) {
            if (part.cols() != cols) {
                throw new IllegalArgumentException(
                        part.name() + " has " + part.cols() + " columns, not " + cols);
            }
            for (int row = 0; row < part.rows(); row++) {
                WeightReader.readRow(part, row, weights[filled++]);
            }
        }
        if (bias != null && bias.length != rows) {
            throw new IllegalArgumentException(
                    parts.getFirst().name()
                            + ": a bias of "
                            + bias.length
                            + " for "
                            + rows
                            + " rows");
        }
        return new ScalarLinear(cols, weights, bias == null ? new float[rows] : bias.clone());
    }

    @Override
    public Linear embedding(WeightTensor table) {
        return linear(List.of(table), null);
    }

    @Override
    public Vector vector(float[] values) {
        return new ScalarVector(values.clone());
    }

    @Override
    public void embed(Linear table, ForwardInput input, Buffer out) {
        for (int t = 0; t < input.numTokens; t++) {
            float[] embedding = ((ScalarLinear) table).weights()[input.tokenIds[t]];
            System.arraycopy(embedding, 0, row(out, t), 0, embedding.length);
        }
    }

    @Override
    public void addRmsNorm(
            Buffer residual, Buffer delta, Vector weight, float epsilon, Buffer out, int rows) {
        int cols = residual.cols();
        for (int t = 0; t < rows; t++) {
            float[] sum = row(residual, t);
            for (int i = 0; delta != null && i < cols; i++) {
                sum[i] += row(delta, t)[i];
            }
            rmsNorm(sum, 0, cols, ((ScalarVector) weight).values(), epsilon, row(out, t));
        }
    }

    @Override
    public void linear(Linear weights, Buffer in, Buffer out, int rows) {
        for (int t = 0; t < rows; t++) {
            multiply((ScalarLinear) weights, row(in, t), row(out, t));
        }
    }

    @Override
    public void ropeAndStore(
            Buffer qkv,
            AttentionSpec spec,
            QkNormRope qk,
            ForwardInput input,
            KvStore kv,
            int layer) {
        int headDim = spec.headDim();
        int rotatedHeads = spec.numQueryHeads() + spec.numKvHeads();
        ScalarKvStore store = (ScalarKvStore) kv;
        for (int t = 0; t < input.numTokens; t++) {
            float[] heads = row(qkv, t);
            for (int head = 0; head < rotatedHeads; head++) {
                Vector norm = head < spec.numQueryHeads() ? qk.qNorm() : qk.kNorm();
                if (norm != null) {
                    float[] normed = new float[headDim];
                    rmsNorm(
                            heads,
                            head * headDim,
                            headDim,
                            ((ScalarVector) norm).values(),
                            qk.epsilon(),
                            normed);
                    System.arraycopy(normed, 0, heads, head * headDim, headDim);
                }
                rotate(heads, head * headDim, qk.rope(), input.positions[t]);
            }
            for (int head = 0; head < spec.numKvHeads(); head++) {
                int key = (spec.numQueryHeads() + head) * headDim;
                int value = (rotatedHeads + head) * headDim;
                System.arraycopy(
                        heads, key, store.key(layer, input.slotMapping[t], head), 0, headDim);
                System.arraycopy(
                        heads, value, store.value(layer, input.slotMapping[t], head), 0, headDim);
            }
        }
    }

    @Override
    public void attention(
            Buffer qkv, AttentionSpec spec, ForwardInput input, KvStore kv, int layer, Buffer out) {
        for (int seq = 0; seq < input.numSeqs; seq++) {
            int end = input.cuSeqlensQ[seq + 1];
            for (int t = input.cuSeqlensQ[seq]; t < end; t++) {
                int visible = input.contextLens[seq] - (end - 1 - t);
                int first =
                        spec.slidingWindow() == 0 ? 0 : Math.max(0, visible - spec.slidingWindow());
                for (int head = 0; head < spec.numQueryHeads(); head++) {
                    int kvHead = head / (spec.numQueryHeads() / spec.numKvHeads());
                    KvView context =
                            new KvView(
                                    (ScalarKvStore) kv,
                                    layer,
                                    kvHead,
                                    input.blockTables[seq],
                                    first,
                                    visible);
                    attend(row(qkv, t), head, spec.scale(), context, row(out, t));
                }
            }
        }
    }

    @Override
    public void siluMul(Buffer gateUp, Buffer out, int rows) {
        for (int t = 0; t < rows; t++) {
            siluMul(row(gateUp, t), row(out, t), out.cols());
        }
    }

    @Override
    public void experts(Experts experts, Buffer in, Buffer out, int rows) {
        for (int t = 0; t < rows; t++) {
            float[] hidden = row(in, t);
            double[] sum = new double[in.cols()];
            ExpertRouting routing =
                    ExpertRouting.of(multiplied((ScalarLinear) experts.router(), hidden), experts);
            for (int k = 0; k < experts.expertsPerToken(); k++) {
                int expert = routing.experts()[k];
                ScalarLinear down = (ScalarLinear) experts.down()[expert];
                float[] activated = new float[down.inFeatures()];
                siluMul(
                        multiplied((ScalarLinear) experts.gateUp()[expert], hidden),
                        activated,
                        activated.length);
                float[] answer = multiplied(down, activated);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += routing.weights()[k] * answer[i];
                }
            }
            for (int i = 0; i < sum.length; i++) {
                row(out, t)[i] = (float) sum[i];
            }
        }
    }

    @Override
    public void gather(Buffer in, int[] rows, int count, Buffer out) {
        for (int i = 0; i < count; i++) {
            System.arraycopy(row(in, rows[i]), 0, row(out, i), 0, in.cols());
        }
    }

    @Override
    public void read(Buffer buffer, int row, float[] out) {
        System.arraycopy(row(buffer, row), 0, out, 0, buffer.cols());
    }

    /** The memory is the heap's. */
    @Override
    public void close() {}

    /** out of a head = Σ softmax(scale * q·k) v over the tokens in view. */
    private static void attend(
            float[] queryRow, int head, float scale, KvView context, float[] out) {
        int headDim = context.headDim();
        double[] scores = new double[context.length()];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = scale * dot(context.key(i), queryRow, head * headDim);
        }
        softmax(scores);
        for (int d = 0; d < headDim; d++) {
            double sum = 0;
            for (int i = 0; i < scores.length; i++) {
                sum += scores[i] * context.value(i)[d];
            }
            out[head * headDim + d] = (float) sum;
        }
    }

    /** Replaces scores by their softmax; the maximum is taken out so that exp cannot overflow. */
    static void softmax(double[] scores) {
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
            scores[i] = Math.exp(scores[i] - max);
            sum += scores[i];
        }
        for (int i = 0; i < scores.length; i++) {
            scores[i] /= sum;
        }
    }

    private static void rotate(float[] row, int first, RopeTable rope, int position) {
        int half = rope.headDim() / 2;
        for (int i = 0; i < half; i++) {
            double cos = rope.cos()[position * half + i];
            double sin = rope.sin()[position * half + i];
            double x = row[first + i];
            double y = row[first + half + i];
            row[first + i] = (float) (x * cos - y * sin);
            row[first + half + i] = (float) (y * cos + x * sin);
        }
    }

    private static void rmsNorm(
            float[] in, int first, int length, float[] weight, float epsilon, float[] out) {
        double squares = 0;
        for (int i = 0; i < length; i++) {
            squares += (double) in[first + i] * in[first + i];
        }
        double scale = 1 / Math.sqrt(squares / length + epsilon);
        for (int i = 0; i < length; i++) {
            out[i] = (float) (in[first + i] * scale * weight[i]);
        }
    }

    private static void siluMul(float[] gateUp, float[] out, int length) {
        for (int i = 0; i < length; i++) {
            double gate = gateUp[i];
            out[i] = (float) (gate / (1 + Math.exp(-gate)) * gateUp[length + i]);
        }
    }

    private static float[] multiplied(ScalarLinear linear, float[] in) {
        float[] out = new float[linear.outFeatures()];
        multiply(linear, in, out);
        return out;
    }

    private static void multiply(ScalarLinear linear, float[] in, float[] out) {
        for (int row = 0; row < linear.outFeatures(); row++) {
            out[row] = (float) (dot(linear.weights()[row], in, 0) + linear.bias()[row]);
        }
    }

    /** Sum of a[i] * b[firstB + i] over all of a. */
    private static double dot(float[] a, float[] b, int firstB) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[firstB + i];
        }
        return sum;
    }

    private static float[] row(Buffer buffer, int row) {
        return ((ScalarBuffer) buffer).values()[row];
    }
}
