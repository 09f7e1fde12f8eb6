package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

class QuantizationConfigTest {
    private static final String SUPPORTED =
            "; supported are compressed-tensors float-quantized and naive-quantized, fp8,"
                + " fbgemm_fp8 and modelopt FP8, all with E4M3 weights";
    private static final String GROUP =
            "{'quant_method': 'compressed-tensors', 'format': 'float-quantized', 'config_groups':"
                + " {'group_0': {'weights': {'num_bits': 8, 'type': 'float', 'strategy':"
                + " 'channel'}}}}";

    @TempDir private Path folder;

    @Test
    void readsEveryFp8Form() {
        assertNull(read("null"));
        assertEquals(new QuantizationConfig("compressed-tensors", 0, 0), read(GROUP));
        assertEquals(
                new QuantizationConfig("compressed-tensors", 0, 0),
                read(GROUP.replace("'channel'", "'tensor'")));
        assertEquals(
                new QuantizationConfig("compressed-tensors", 0, 0),
                read(GROUP.replace("float-q", "naive-q")));
        assertEquals(
                new QuantizationConfig("compressed-tensors", 64, 128),
                read(GROUP.replace("'channel'", "'block', 'block_structure': [64, 128]")));
        assertEquals(
                new QuantizationConfig("fp8", 128, 128),
                read("{'quant_method': 'fp8', 'weight_block_size': [128, 128]}"));
        assertEquals(
                new QuantizationConfig("fp8", 0, 0),
                read("{'quant_method': 'fp8', 'activation_scheme': 'dynamic'}"));
        assertEquals(
                new QuantizationConfig("fp8", 0, 0, true, true),
                read("{'quant_method': 'fp8', 'activation_scheme': 'static'}"));
        String activations = "'input_activations': {'dynamic': false, 'strategy': 'tensor'}, ";
        assertEquals(
                new QuantizationConfig("compressed-tensors", 0, 0, true, true),
                read(GROUP.replace("'weights'", activations + "'weights'")));
        assertEquals(
                new QuantizationConfig("compressed-tensors", 0, 0),
                read(
                        GROUP.replace(
                                "'weights'",
                                activations.replace("false", "true") + "'weights'")));
        assertEquals(
                new QuantizationConfig("fbgemm_fp8", 0, 0),
                read("{'quant_method': 'fbgemm_fp8', 'activation_scale_ub': 1200.0}"));
        assertEquals(
                new QuantizationConfig("modelopt", 0, 0, true, true),
                read("{'quant_method': 'modelopt', 'quant_algo': 'FP8'}"));
    }

    @Test
    void readsModelOptsOwnFile() throws IOException {
        Path file = folder.resolve("hf_quant_config.json");
        Files.writeString(
                file,
                "{\"producer\": {\"name\": \"modelopt\"}, \"quantization\": {\"quant_algo\":"
                    + " \"FP8\"}}");
        assertEquals(new QuantizationConfig("modelopt", 0, 0, true, true), read("null"));
        Files.writeString(file, "{\"quantization\": {\"quant_algo\": \"NVFP4\"}}");
        assertEquals(
                file
                        + ": field quantization.quant_algo is NVFP4, which is not supported"
                        + SUPPORTED,
                assertThrows(ModelLoadException.class, () -> read("null")).getMessage());
    }

    @ParameterizedTest
    @CsvSource({"awq", "gptq", "bitsandbytes", "gguf", "mxfp4"})
    void refusesOtherMethodsByName(String method) {
        refuses(
                "{'quant_method': '" + method + "'}",
                "quant_method is " + method + ", which is not supported" + SUPPORTED);
    }

    @Test
    void refusesOtherFormsByName() {
        refuses(
                GROUP.replace("float-quantized", "nvfp4-pack-quantized"),
                "format is nvfp4-pack-quantized, which is not supported" + SUPPORTED);
        refuses(
                GROUP.replace("'float'", "'int'"),
                "config_groups.group_0.weights.type is int of 8 bits, which is not supported"
                        + SUPPORTED);
        refuses(
                GROUP.replace("'channel'", "'group'"),
                "config_groups.group_0.weights.strategy is group, which is not supported;"
                        + " supported are tensor, channel, block");
        refuses(
                GROUP.replace(
                        "{'quant", "{'sparsity_config': {'format': 'sparse-24-bitmask'}, 'quant"),
                "sparsity_config.format is sparse-24-bitmask, which is not supported; weights must"
                    + " be dense");
        refuses(
                "{'quant_method': 'fp8', 'fmt': 'e5m2'}",
                "fmt is e5m2, which is not supported" + SUPPORTED);
        refuses(
                "{'quant_method': 'fp8', 'activation_scheme': 'guessed'}",
                "activation_scheme is guessed, which is not supported; supported are dynamic,"
                        + " static");
        refuses(
                "{'quant_method': 'fp8', 'weight_block_size': [128, 128], 'activation_scheme':"
                        + " 'static'}",
                "activation_scheme is static, which weights with blocks cannot have");
        refuses(
                "{'quant_method': 'fp8', 'weight_block_size': [128]}",
                "weight_block_size must be two positive integers, rows and columns of a block");
        refuses("{}", "quant_method is missing; it must be a string");
    }

    private QuantizationConfig read(String quantization) {
        String text = ("{'quantization_config': " + quantization + "}").replace('\'', '"');
        return QuantizationConfig.read(
                folder, JsonFields.parse("config.json", text.getBytes(StandardCharsets.UTF_8)));
    }

    private void refuses(String quantization, String message) {
        assertEquals(
                "config.json: field quantization_config." + message,
                assertThrows(ModelLoadException.class, () -> read(quantization)).getMessage());
    }
}
