package dev.millrace.engine.model;

import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.Vector;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.model.Architecture.ExpertNames;

import java.util.ArrayList;
import java.util.List;

/**
 * All weights of a model on the device.
 *
 * @param keyScales [layers] what the checkpoint divides keys by before they go into an FP8 KV cache
 * @param valueScales [layers] likewise for values
 */
record ModelWeights(
        Linear embedding,
        List<DecoderLayer> layers,
        Backend.Norm norm,
        Linear head,
        float[] keyScales,
        float[] valueScales) {

    /** Finds the weights by the family's names and packs them. */
    static ModelWeights load(
            ModelConfig config, WeightSource checkpoint, Backend backend, RopeTable rope) {
        return new Loader(config, checkpoint, backend, rope).load();
    }

    private record Loader(
            ModelConfig config, WeightSource checkpoint, Backend backend, RopeTable rope) {

        ModelWeights load() {
            List<DecoderLayer> layers = new ArrayList<>();
            float[] keyScales = new float[config.numLayers()];
            float[] valueScales = new float[config.numLayers()];
            for (int i = 0; i < config.numLayers(); i++) {
                layers.add(layer("model.layers." + i + ".", config.layers().get(i)));
                keyScales[i] = kvScale("model.layers." + i + ".self_attn.", "k");
                valueScales[i] = kvScale("model.layers." + i + ".self_attn.", "v");
            }
            WeightTensor embedding =
                    matrix("model.embed_tokens", config.vocabSize(), config.hiddenSize());
            WeightTensor head =
                    config.tieWordEmbeddings()
                            ? embedding
                            : matrix("lm_head", config.vocabSize(), config.hiddenSize());
            return new ModelWeights(
                    backend.embedding(embedding),
                    List.copyOf(layers),
                    norm("model.norm"),
                    backend.linear(List.of(head), null),
                    keyScales,
                    valueScales);
        }

        /**
         * Exporters put it beside the projection, beside attention, or give keys and values one
         * together.
         */
        private float kvScale(String attention, String which) {
            for (String name :
                    List.of(
                            which + "_proj." + which + "_scale",
                            "attn." + which + "_scale",
                            which + "_scale",
                            "kv_scale")) {
                if (checkpoint.has(attention + name)) {
                    return checkpoint.scalar(attention + name);
                }
            }
            return 1;
        }

        private DecoderLayer layer(String prefix, ModelConfig.Layer layer) {
            String attention = prefix + "self_attn.";
            int hidden = config.hiddenSize();
            int qCols = config.numQueryHeads() * config.headDim();
            int kvCols = config.numKvHeads() * config.headDim();
            return new DecoderLayer(
                    norm(prefix + "input_layernorm"),
                    stacked(
                            config.qkvBias(),
                            hidden,
                            new Part(attention + "q_proj", qCols),
                            new Part(attention + "k_proj", kvCols),
                            new Part(attention + "v_proj", kvCols)),
                    config.attention(layer),
                    qkNormRope(attention),
                    stacked(
                            config.attentionOutBias(),
                            qCols,
                            new Part(attention + "o_proj", hidden)),
                    norm(prefix + "post_attention_layernorm"),
                    layer.hasExperts() ? null : gateUp(prefix + "mlp."),
                    layer.hasExperts() ? null : down(prefix + "mlp."),
                    layer.hasExperts() ? experts(prefix) : null);
        }

        private Backend.Norm norm(String name) {
            return new Backend.Norm(vector(name, config.hiddenSize()), config.rmsNormEpsilon());
        }

        private QkNormRope qkNormRope(String prefix) {
            boolean normed = config.architecture().qkNorm();
            return new QkNormRope(
                    normed ? vector(prefix + "q_norm", config.headDim()) : null,
                    normed ? vector(prefix + "k_norm", config.headDim()) : null,
                    config.rmsNormEpsilon(),
                    rope);
        }

        private Linear gateUp(String prefix) {
            int width = config.intermediateSize();
            return stacked(
                    config.mlpBias(),
                    config.hiddenSize(),
                    new Part(prefix + "gate_proj", width),
                    new Part(prefix + "up_proj", width));
        }

        private Linear down(String prefix) {
            return stacked(
                    config.mlpBias(),
                    config.intermediateSize(),
                    new Part(prefix + "down_proj", config.hiddenSize()));
        }

        private Experts experts(String prefix) {
            ModelConfig.ExpertsConfig experts = config.experts();
            ExpertNames names = config.architecture().experts();
            Linear[] gateUp = new Linear[experts.count()];
            Linear[] down = new Linear[experts.count()];
            int hidden = config.hiddenSize();
            int width = experts.intermediateSize();
            for (int e = 0; e < experts.count(); e++) {
                String expert = prefix + names.expert().formatted(e);
                gateUp[e] =
                        stacked(
                                false,
                                hidden,
                                new Part(expert + names.gate(), width),
                                new Part(expert + names.up(), width));
                down[e] = stacked(false, width, new Part(expert + names.down(), hidden));
            }
            Linear router =
                    backend.router(matrix(prefix + names.router(), experts.count(), hidden));
            return backend.pack(
                    new Experts(router, gateUp, down, experts.perToken(), experts.renormalise()));
        }

        /**
         * @param rows output features
         */
        private record Part(String name, int rows) {}

        /** Layers with the same input as one, their outputs side by side. */
        private Linear stacked(boolean hasBias, int cols, Part... parts) {
            List<WeightTensor> matrices = new ArrayList<>();
            int rows = 0;
            for (Part part : parts) {
                matrices.add(matrix(part.name(), part.rows(), cols));
                rows += part.rows();
            }
            if (!hasBias) {
                return backend.linear(matrices, null, activations(matrices, parts));
            }
            float[] bias = new float[rows];
            int filled = 0;
            for (Part part : parts) {
                System.arraycopy(
                        checkpoint.vector(part.name() + ".bias", part.rows()),
                        0,
                        bias,
                        filled,
                        part.rows());
                filled += part.rows();
            }
            return backend.linear(matrices, bias, activations(matrices, parts));
        }

        /** All parts read the same input, so that one scale or bound must do: the widest. */
        private ActivationScheme activations(List<WeightTensor> matrices, Part... parts) {
            QuantizationConfig quantization = config.quantization();
            if (quantization != null && !quantization.roundsActivations()) {
                return ActivationScheme.UNROUNDED;
            }
            boolean fixed = quantization != null && quantization.staticActivations();
            float widest = 0;
            for (int i = 0; i < parts.length; i++) {
                Part part = parts[i];
                boolean isFp8 = matrices.get(i).dtype() == WeightTensor.DType.F8_E4M3;
                if (fixed && isFp8) { // layers that were left unquantised have no scales
                    widest = Math.max(widest, staticScale(part.name()));
                } else if (!fixed && checkpoint.has(part.name() + ".input_scale_ub")) {
                    float bound = checkpoint.scalar(part.name() + ".input_scale_ub");
                    widest = Math.max(widest, bound);
                }
            }
            return fixed ? ActivationScheme.fixed(widest) : ActivationScheme.bounded(widest);
        }

        private float staticScale(String layer) {
            String name = layer + ".input_scale";
            String other = layer + ".activation_scale"; // AutoFP8's first name for it
            float scale = checkpoint.scalar(checkpoint.has(other) ? other : name);
            if (!(scale > 0 && scale < Float.POSITIVE_INFINITY)) {
                throw new ModelLoadException(
                        name + " is " + scale + "; a static scale must be a positive number");
            }
            return scale;
        }

        private WeightTensor matrix(String name, int rows, int cols) {
            return checkpoint.matrix(name + ".weight", rows, cols);
        }

        private Vector vector(String name, int length) {
            return backend.vector(checkpoint.vector(name + ".weight", length));
        }
    }
}
