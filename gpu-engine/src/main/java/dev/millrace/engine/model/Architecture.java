package dev.millrace.engine.model;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A model family as data: what its decoder layers have beyond the common shape (pre-norm,
 * grouped-query attention with rotary positions, gated feed-forward) and how its checkpoints call
 * the weights.
 *
 * @param modelType {@code model_type} in config.json
 * @param qkvBias q, k and v always carry a bias, whatever {@code attention_bias} says
 * @param qkNorm q and k are normed per head before they are rotated
 * @param window where the sliding window of config.json holds
 * @param experts names of a mixture-of-experts block; null for a family without
 */
public record Architecture(
        String modelType, boolean qkvBias, boolean qkNorm, WindowRule window, ExpertNames experts) {

    /** Which layers see only {@code sliding_window} tokens. */
    public enum WindowRule {
        /** None; the family has no such field. */
        NONE,
        /** All, unless sliding_window is null. */
        EVERY_LAYER,
        /** All if use_sliding_window is true. */
        EVERY_LAYER_IF_USED,
        /**
         * Those that layer_types calls sliding_attention; without it, from max_window_layers on if
         * use_sliding_window.
         */
        LAYER_TYPES
    }

    /**
     * Names below {@code model.layers.N.}
     *
     * @param router hidden → experts
     * @param expert prefix of expert %d
     * @param renormalise whether the chosen experts' weights are made to sum to one; null where
     *     {@code norm_topk_prob} says
     * @param intermediateSize the field that gives an expert's width
     */
    public record ExpertNames(
            String router,
            String expert,
            String gate,
            String up,
            String down,
            Boolean renormalise,
            String intermediateSize) {}

    private static final ExpertNames MIXTRAL =
            new ExpertNames(
                    "block_sparse_moe.gate",
                    "block_sparse_moe.experts.%d.",
                    "w1",
                    "w3",
                    "w2",
                    true,
                    "intermediate_size");
    private static final ExpertNames QWEN3 =
            new ExpertNames(
                    "mlp.gate",
                    "mlp.experts.%d.",
                    "gate_proj",
                    "up_proj",
                    "down_proj",
                    null,
                    "moe_intermediate_size");

    private static final List<Architecture> ALL =
            List.of(
                    new Architecture("llama", false, false, WindowRule.NONE, null),
                    new Architecture("mistral", false, false, WindowRule.EVERY_LAYER, null),
                    new Architecture("mixtral", false, false, WindowRule.EVERY_LAYER, MIXTRAL),
                    new Architecture("qwen2", true, false, WindowRule.LAYER_TYPES, null),
                    new Architecture("qwen3", false, true, WindowRule.LAYER_TYPES, null),
                    new Architecture(
                            "qwen3_moe", false, true, WindowRule.EVERY_LAYER_IF_USED, QWEN3));

    /** The family of a config.json. */
    static Architecture of(JsonFields config) {
        String modelType = config.text("model_type");
        return ALL.stream()
                .filter(architecture -> architecture.modelType.equals(modelType))
                .findFirst()
                .orElseThrow(
                        () ->
                                config.problem(
                                        "model_type",
                                        "is "
                                                + modelType
                                                + ", which is not supported; supported are "
                                                + ALL.stream()
                                                        .map(Architecture::modelType)
                                                        .collect(Collectors.joining(", "))));
    }
}
