package dev.millrace.engine.model;

import dev.millrace.engine.backend.AttentionSpec;

import java.util.List;

/**
 * A decoder's shape, from config.json. Field names in messages are the file's.
 *
 * @param headDim elements of a head; need not be hiddenSize / numQueryHeads
 * @param intermediateSize width of the dense feed-forward
 * @param qkvBias q, k and v projections add a bias
 * @param attentionOutBias so does the projection behind attention
 * @param mlpBias so do the dense feed-forward's
 * @param layers what differs from layer to layer, in order
 * @param experts null for a dense model
 * @param quantization null for an unquantised checkpoint
 */
public record ModelConfig(
        Architecture architecture,
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int numQueryHeads,
        int numKvHeads,
        int headDim,
        int maxPositionEmbeddings,
        float rmsNormEpsilon,
        boolean tieWordEmbeddings,
        boolean qkvBias,
        boolean attentionOutBias,
        boolean mlpBias,
        RopeConfig rope,
        List<Layer> layers,
        ExpertsConfig experts,
        QuantizationConfig quantization) {

    /**
     * @param slidingWindow a token sees itself and the slidingWindow - 1 before it; 0 sees all
     * @param hasExperts feed-forward by experts instead of the dense one
     */
    public record Layer(int slidingWindow, boolean hasExperts) {}

    /**
     * @param perToken experts that each token is sent to
     * @param intermediateSize width of one expert
     * @param renormalise divide the chosen experts' weights by their sum
     */
    public record ExpertsConfig(
            int count, int perToken, int intermediateSize, boolean renormalise) {
        public ExpertsConfig {
            check(
                    perToken <= count,
                    "num_experts_per_tok ("
                            + perToken
                            + ") is more than there are experts ("
                            + count
                            + ")");
        }
    }

    public ModelConfig {
        check(
                numQueryHeads % numKvHeads == 0,
                "num_attention_heads ("
                        + numQueryHeads
                        + ") must be a multiple of num_key_value_heads ("
                        + numKvHeads
                        + ")");
        check(
                headDim % 2 == 0,
                "head_dim (" + headDim + ") must be even, for rotary positions go in pairs");
        check(
                rmsNormEpsilon >= 0 && rmsNormEpsilon < 1,
                "rms_norm_eps must be in [0, 1), not " + rmsNormEpsilon);
        layers = List.copyOf(layers);
        check(!layers.isEmpty(), "num_hidden_layers must be at least 1");
    }

    /** The family, by the name that config.json gives it. */
    public String modelType() {
        return architecture.modelType();
    }

    /** How many layers there are. */
    public int numLayers() {
        return layers.size();
    }

    /** Attention of a layer, with the usual scale of 1 / √headDim. */
    public AttentionSpec attention(Layer layer) {
        return new AttentionSpec(
                numQueryHeads,
                numKvHeads,
                headDim,
                (float) (1 / Math.sqrt(headDim)),
                layer.slidingWindow());
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
