package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.sampling.Sampler;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Checkpoints that cannot be used are refused with a message that names the file and the tensor.
 */
class ModelLoaderTest {
    private static final EngineConfig SMALL =
            new EngineConfig("scalar", 2, 16, 16, 1 << 20, 0, false, 1, Numerics.DEFAULT, Speculation.OFF);

    @TempDir private Path folder;

    @Test
    void loadsWhatIsWhole() {
        try (DecoderModel model = load(copy("llama-bf16-sharded"), SMALL)) {
            assertEquals(384, model.vocabSize());
            assertEquals(
                    341 / 16 * 16,
                    model.maxModelLen(),
                    "a cache of 1 MiB has room for less than the 512 tokens of the checkpoint");
            assertEquals(2L * 3 * 16 * 2 * 64 * 4, model.kvLayout().bytesPerBlock());
        }
    }

    @Test
    void refusesATruncatedFile() throws IOException {
        CheckpointCopy copy = copy("llama3-rope-tied-f16");
        byte[] whole = Files.readAllBytes(copy.file("model.safetensors"));
        Files.write(copy.file("model.safetensors"), Arrays.copyOf(whole, whole.length - 2));
        refuses(
                copy,
                copy.file("model.safetensors")
                        + " is truncated: tensor model.norm.weight ends at byte 1279744 of the"
                        + " data, which has 1279742 bytes");
    }

    @Test
    void refusesAMissingShard() throws IOException {
        CheckpointCopy copy = copy("llama-bf16-sharded");
        Files.delete(copy.file("model-00002-of-00003.safetensors"));
        refuses(
                copy,
                copy.file("model.safetensors.index.json")
                        + ": field weight_map.model.embed_tokens.weight names"
                        + " model-00002-of-00003.safetensors, which is missing");
    }

    @Test
    void refusesAShardOutsideTheFolder() {
        CheckpointCopy copy =
                copy("llama-bf16-sharded")
                        .edit(
                                "model.safetensors.index.json",
                                index ->
                                        ((ObjectNode) index.get("weight_map"))
                                                .put("lm_head.weight", "../secret.safetensors"));
        refuses(
                copy,
                copy.file("model.safetensors.index.json")
                        + ": field weight_map.lm_head.weight must name a file beside the index,"
                        + " not ../secret.safetensors");
    }

    @Test
    void refusesAShardWithoutTheTensor() {
        CheckpointCopy copy =
                copy("llama-bf16-sharded")
                        .edit(
                                "model.safetensors.index.json",
                                index ->
                                        ((ObjectNode) index.get("weight_map"))
                                                .put(
                                                        "lm_head.weight",
                                                        "model-00002-of-00003.safetensors"));
        refuses(
                copy,
                copy.file("model.safetensors.index.json")
                        + ": field weight_map.lm_head.weight names"
                        + " model-00002-of-00003.safetensors, which does not hold this tensor");
    }

    @Test
    void refusesAFolderWithoutWeights() throws IOException {
        CheckpointCopy copy = copy("llama3-rope-tied-f16");
        Files.delete(copy.file("model.safetensors"));
        Files.writeString(copy.file("pytorch_model.bin"), "");
        refuses(
                copy,
                copy.dir()
                        + ": holds neither model.safetensors nor model.safetensors.index.json;"
                        + " it holds config.json, generation_config.json, pytorch_model.bin");
    }

    @Test
    void refusesAMissingTensor() {
        CheckpointCopy copy =
                copy("llama3-rope-tied-f16")
                        .editConfig(config -> config.put("tie_word_embeddings", false));
        refuses(copy, "tensor lm_head.weight is missing from " + copy.file("model.safetensors"));
    }

    @Test
    void refusesATensorThatIsNotNeeded() {
        CheckpointCopy copy =
                copy("qwen2-bias-tied-bf16")
                        .editConfig(config -> config.put("model_type", "llama"));
        refuses(
                copy,
                copy.file("model.safetensors")
                        + ": tensor model.layers.0.self_attn.k_proj.bias (9 such) has no place in a"
                        + " llama model of this config.json");
    }

    @Test
    void refusesAnotherShape() {
        CheckpointCopy copy =
                copy("llama3-rope-tied-f16")
                        .editConfig(config -> config.put("intermediate_size", 512));
        refuses(
                copy,
                copy.file("model.safetensors")
                        + ": tensor model.layers.0.mlp.gate_proj.weight has shape [256, 128], not"
                        + " [512, 128]");
    }

    @Test
    void refusesAnUnsupportedDtype() {
        CheckpointCopy copy =
                copy("llama3-rope-tied-f16")
                        .editHeader("model.safetensors", header -> header.replace("F16", "I16"));
        refuses(
                copy,
                copy.file("model.safetensors")
                        + ": tensor model.layers.0.input_layernorm.weight is I16, which is not"
                        + " supported; supported are F32, F16, BF16, F8_E4M3");
    }

    @Test
    void refusesFp8WithoutScalesOrConfiguration() {
        CheckpointCopy unnamed =
                copy("llama-fp8-channel")
                        .editConfig(config -> config.remove("quantization_config"));
        refuses(
                unnamed,
                unnamed.file("model.safetensors")
                        + ": tensor model.layers.0.self_attn.q_proj.weight is F8_E4M3,"
                        + " but config.json has no quantization_config");
        CheckpointCopy unscaled =
                copy("qwen3-fp8-block128")
                        .editHeader(
                                "model.safetensors",
                                header ->
                                        header.replace(
                                                "q_proj.weight_scale_inv", "q_proj.weight_gone"));
        refuses(
                unscaled,
                "tensor model.layers.0.self_attn.q_proj.weight_scale is missing from "
                        + unscaled.file("model.safetensors"));
    }

    @Test
    void refusesScalesOfAnotherGrid() {
        CheckpointCopy copy =
                copy("qwen3-fp8-block128")
                        .editConfig(
                                config ->
                                        ((ObjectNode) config.get("quantization_config"))
                                                .set(
                                                        "weight_block_size",
                                                        CheckpointCopy.json("[64, 128]")));
        refuses(
                copy,
                copy.file("model.safetensors")
                        + ": tensor model.layers.0.self_attn.q_proj.weight_scale_inv has shape [2,"
                        + " 2], not [4, 2]");
    }

    @Test
    void refusesAContextThatDoesNotFit() {
        CheckpointCopy copy = copy("llama3-rope-tied-f16");
        assertEquals(
                "maxModelLen 513 is above the checkpoint's max_position_embeddings, 512",
                assertThrows(ModelLoadException.class, () -> load(copy, withContext(513)))
                        .getMessage());
        assertEquals(
                "kvCacheBytes 1048576 has room for 336 tokens; a sequence of 512 needs 1572864"
                        + " bytes",
                assertThrows(ModelLoadException.class, () -> load(copy, withContext(512)))
                        .getMessage());
        try (DecoderModel model = load(copy, withContext(336))) {
            assertEquals(336, model.maxModelLen());
        }
    }

    private static EngineConfig withContext(int maxModelLen) {
        return new EngineConfig(
                "scalar", 2, 16, 16, 1 << 20, maxModelLen, false, 1, Numerics.DEFAULT, Speculation.OFF);
    }

    private CheckpointCopy copy(String golden) {
        return CheckpointCopy.of(golden, folder);
    }

    private static DecoderModel load(CheckpointCopy copy, EngineConfig config) {
        return ModelLoader.load(copy.dir(), new ScalarBackend(), config, Sampler::new);
    }

    private static void refuses(CheckpointCopy copy, String message) {
        assertEquals(
                message,
                assertThrows(ModelLoadException.class, () -> load(copy, SMALL).close())
                        .getMessage());
    }
}
