package dev.millrace.engine.model;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a checkpoint's FP8 weights are scaled. The shape of a weight's scale tells per-tensor from
 * per-channel scales; only the size of blocks has to come from the configuration.
 *
 * @param method the file's name for it, for messages
 * @param blockRows rows of a scale's block; 0 if scales are per channel or per tensor
 * @param blockCols columns of a scale's block; 0 likewise
 * @param roundsActivations whether a linear's input is rounded to FP8 too, on devices that compute
 *     in FP8
 * @param staticActivations whether that is by one scale per layer, {@code input_scale}, rather than
 *     by scales made when the layer runs
 */
public record QuantizationConfig(
        String method,
        int blockRows,
        int blockCols,
        boolean roundsActivations,
        boolean staticActivations) {
    private static final String SUPPORTED =
            "; supported are compressed-tensors float-quantized and naive-quantized, fp8,"
                + " fbgemm_fp8 and modelopt FP8, all with E4M3 weights";

    QuantizationConfig(String method, int blockRows, int blockCols) {
        this(method, blockRows, blockCols, true, false);
    }

    private QuantizationConfig withActivations(boolean rounded, boolean fixed) {
        return new QuantizationConfig(method, blockRows, blockCols, rounded, rounded && fixed);
    }

    /**
     * Reads {@code quantization_config} of config.json or, as ModelOpt writes it,
     * hf_quant_config.json.
     *
     * @return null for an unquantised checkpoint
     */
    static QuantizationConfig read(Path modelDir, JsonFields config) {
        if (config.has("quantization_config")) {
            JsonFields fields = config.object("quantization_config");
            String method = fields.text("quant_method");
            return switch (method) {
                case "compressed-tensors" -> compressedTensors(fields);
                case "fp8" -> fp8(fields);
                case "fbgemm_fp8" -> new QuantizationConfig(method, 0, 0);
                case "modelopt" ->
                        modelopt(
                                fields.has("quantization")
                                        ? fields.object("quantization")
                                        : fields);
                default ->
                        throw fields.problem(
                                "quant_method",
                                "is " + method + ", which is not supported" + SUPPORTED);
            };
        }
        Path modelOptFile = modelDir.resolve("hf_quant_config.json");
        return Files.exists(modelOptFile)
                ? modelopt(JsonFields.read(modelOptFile).object("quantization"))
                : null;
    }

    private static QuantizationConfig fp8(JsonFields fields) {
        String format = fields.text("fmt", "e4m3");
        if (!format.equals("e4m3") && !format.equals("float8_e4m3fn")) {
            throw fields.problem("fmt", "is " + format + ", which is not supported" + SUPPORTED);
        }
        String scheme = fields.text("activation_scheme", "dynamic");
        if (!scheme.equals("dynamic") && !scheme.equals("static")) {
            throw fields.problem(
                    "activation_scheme",
                    "is " + scheme + ", which is not supported; supported are dynamic, static");
        }
        QuantizationConfig found = withBlocks("fp8", fields, "weight_block_size");
        if (scheme.equals("static") && found.blockRows() > 0) {
            throw fields.problem(
                    "activation_scheme", "is static, which weights with blocks cannot have");
        }
        return found.withActivations(true, scheme.equals("static"));
    }

    private static QuantizationConfig modelopt(JsonFields fields) {
        String algorithm = fields.text("quant_algo");
        if (!algorithm.equals("FP8")) {
            throw fields.problem(
                    "quant_algo", "is " + algorithm + ", which is not supported" + SUPPORTED);
        }
        return new QuantizationConfig("modelopt", 0, 0).withActivations(true, true);
    }

    private static QuantizationConfig compressedTensors(JsonFields fields) {
        if (fields.has("sparsity_config")) {
            JsonFields sparsity = fields.object("sparsity_config");
            String format = sparsity.text("format", "dense");
            if (!format.equals("dense")) {
                throw sparsity.problem(
                        "format",
                        "is " + format + ", which is not supported; weights must be dense");
            }
        }
        JsonFields groups = fields.object("config_groups");
        QuantizationConfig found = null;
        for (String name : groups.names()) {
            QuantizationConfig group = compressedTensorsGroup(fields, groups.object(name));
            if (found != null && !found.equals(group)) {
                throw groups.problem(
                        name,
                        "differs from the other groups in blocks or activations, which is not"
                            + " supported");
            }
            found = group;
        }
        if (found == null) {
            throw fields.problem("config_groups", "has no group");
        }
        return found;
    }

    private static QuantizationConfig compressedTensorsGroup(JsonFields fields, JsonFields group) {
        JsonFields formatOwner = group.has("format") ? group : fields;
        String format = formatOwner.text("format");
        if (!format.equals("float-quantized")
                && !format.equals("naive-quantized")) { // the same bytes under an older name
            throw formatOwner.problem(
                    "format", "is " + format + ", which is not supported" + SUPPORTED);
        }
        JsonFields weights = group.object("weights");
        String type = weights.text("type") + " of " + weights.positiveInt("num_bits") + " bits";
        if (!type.equals("float of 8 bits")) {
            throw weights.problem("type", "is " + type + ", which is not supported" + SUPPORTED);
        }
        String strategy = weights.text("strategy");
        boolean rounds = group.has("input_activations") || !group.mentions("input_activations");
        boolean fixed =
                group.has("input_activations")
                        && !group.object("input_activations").flag("dynamic", true);
        return switch (strategy) {
            case "tensor", "channel" ->
                    new QuantizationConfig("compressed-tensors", 0, 0)
                            .withActivations(rounds, fixed);
            case "block" ->
                    withBlocks("compressed-tensors", weights, "block_structure")
                            .withActivations(rounds, fixed);
            default ->
                    throw weights.problem(
                            "strategy",
                            "is "
                                    + strategy
                                    + ", which is not supported; supported are tensor, channel,"
                                    + " block");
        };
    }

    private static QuantizationConfig withBlocks(String method, JsonFields fields, String name) {
        if (!fields.has(name)) {
            return new QuantizationConfig(method, 0, 0);
        }
        int[] block = fields.ints(name);
        if (block.length != 2 || block[0] < 1 || block[1] < 1) {
            throw fields.problem(
                    name, "must be two positive integers, rows and columns of a block");
        }
        return new QuantizationConfig(method, block[0], block[1]);
    }
}
