package dev.millrace.engine.model;

import dev.millrace.engine.model.Architecture.WindowRule;
import dev.millrace.engine.model.ModelConfig.ExpertsConfig;
import dev.millrace.engine.model.ModelConfig.Layer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads config.json of a Hugging Face checkpoint, in today's keys and in those before transformers
 * 5. Defaults of absent fields are the reference implementation's; a field whose default differs
 * between families must be there.
 */
public final class ModelConfigReader {
    private static final List<String> DTYPES = List.of("bfloat16", "float16", "float32");
    private static final int DEFAULT_MAX_WINDOW_LAYERS = 28;

    private final Architecture architecture;
    private final JsonFields config;

    private ModelConfigReader(JsonFields config) {
        this.config = config;
        this.architecture = Architecture.of(config);
    }

    /**
     * @throws ModelLoadException if a field is missing, has the wrong type or asks for what is not
     *     supported
     */
    public static ModelConfig read(Path modelDir) {
        Path file = modelDir.resolve("config.json");
        JsonFields config = JsonFields.read(file);
        try {
            return new ModelConfigReader(config).modelConfig(modelDir);
        } catch (IllegalArgumentException e) {
            throw new ModelLoadException(file + ": " + e.getMessage(), e);
        }
    }

    private ModelConfig modelConfig(Path modelDir) {
        refuseUnsupported("hidden_act", config.text("hidden_act", "silu"), List.of("silu"));
        for (String name : List.of("dtype", "torch_dtype")) {
            refuseUnsupported(name, config.text(name, "bfloat16"), DTYPES);
        }
        int hiddenSize = config.positiveInt("hidden_size");
        int numQueryHeads = config.positiveInt("num_attention_heads");
        boolean attentionBias = config.flag("attention_bias", false);
        return new ModelConfig(
                architecture,
                config.positiveInt("vocab_size"),
                hiddenSize,
                config.positiveInt("intermediate_size"),
                numQueryHeads,
                config.positiveInt("num_key_value_heads", numQueryHeads),
                headDim(hiddenSize, numQueryHeads),
                config.positiveInt("max_position_embeddings"),
                (float) config.number("rms_norm_eps"),
                config.flag("tie_word_embeddings", false),
                architecture.qkvBias() || attentionBias,
                attentionBias,
                config.flag("mlp_bias", false),
                RopeConfig.read(config),
                layers(config.positiveInt("num_hidden_layers")),
                experts(),
                QuantizationConfig.read(modelDir, config));
    }

    private int headDim(int hiddenSize, int numQueryHeads) {
        if (config.has("head_dim")) {
            return config.positiveInt("head_dim");
        }
        if (hiddenSize % numQueryHeads != 0) {
            throw config.problem(
                    "head_dim",
                    "is missing, and hidden_size is no multiple of num_attention_heads");
        }
        return hiddenSize / numQueryHeads;
    }

    private List<Layer> layers(int count) {
        int[] windows = slidingWindows(count);
        List<Layer> layers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            layers.add(new Layer(windows[i], architecture.experts() != null && isSparse(i)));
        }
        return layers;
    }

    /**
     * Qwen3-MoE keeps some layers dense: those listed, and all but every decoder_sparse_step-th.
     */
    private boolean isSparse(int layer) {
        boolean dense =
                Arrays.stream(config.ints("mlp_only_layers")).anyMatch(listed -> listed == layer);
        return !dense && (layer + 1) % config.positiveInt("decoder_sparse_step", 1) == 0;
    }

    private int[] slidingWindows(int layers) {
        int[] windows = new int[layers];
        WindowRule rule = architecture.window();
        if (rule == WindowRule.NONE) {
            return windows;
        }
        if (rule == WindowRule.EVERY_LAYER && !config.mentions("sliding_window")) {
            throw config.problem(
                    "sliding_window",
                    "is missing; it must be a positive integer, or null for no window");
        }
        boolean used =
                rule == WindowRule.EVERY_LAYER
                        ? config.has("sliding_window")
                        : config.flag("use_sliding_window", false);
        List<String> types =
                rule == WindowRule.LAYER_TYPES ? config.texts("layer_types") : List.of();
        if (!types.isEmpty() && types.size() != layers) {
            throw config.problem(
                    "layer_types",
                    "has " + types.size() + " entries, not one for each of " + layers + " layers");
        }
        int firstSliding =
                rule == WindowRule.LAYER_TYPES
                        ? config.count("max_window_layers", DEFAULT_MAX_WINDOW_LAYERS)
                        : 0;
        for (int i = 0; i < layers; i++) {
            boolean sliding =
                    types.isEmpty() ? used && i >= firstSliding : isSliding(types.get(i), used);
            windows[i] = sliding ? config.positiveInt("sliding_window") : 0;
        }
        return windows;
    }

    private boolean isSliding(String layerType, boolean windowUsed) {
        refuseUnsupported("layer_types", layerType, List.of("full_attention", "sliding_attention"));
        boolean sliding = layerType.equals("sliding_attention");
        if (sliding && !windowUsed) {
            throw config.problem(
                    "layer_types", "holds sliding_attention, but use_sliding_window is not true");
        }
        return sliding;
    }

    private ExpertsConfig experts() {
        if (architecture.experts() == null) {
            return null;
        }
        Boolean always = architecture.experts().renormalise();
        return new ExpertsConfig(
                config.positiveInt(
                        config.has("num_local_experts") ? "num_local_experts" : "num_experts"),
                config.positiveInt("num_experts_per_tok"),
                config.positiveInt(architecture.experts().intermediateSize()),
                always != null ? always : config.flag("norm_topk_prob", false));
    }

    private void refuseUnsupported(String name, String value, List<String> supported) {
        if (!supported.contains(value)) {
            throw config.problem(
                    name,
                    "is "
                            + value
                            + ", which is not supported; supported: "
                            + String.join(", ", supported));
        }
    }
}
