package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.model.RopeConfig.Scaling;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

class ModelConfigReaderTest {

    @TempDir private Path folder;

    @Test
    void readsTodaysAndOlderKeysAlike() {
        ModelConfig today = read("llama-bf16-sharded", config -> {});
        assertEquals(new RopeConfig(Scaling.DEFAULT, 10_000, 1, 0, 0, 0), today.rope());
        assertEquals(64, today.headDim());
        assertNull(today.quantization());
        RopeConfig llama3 = new RopeConfig(Scaling.LLAMA3, 500_000, 8, 1, 4, 64);
        assertEquals(llama3, read("llama3-rope-tied-f16", config -> {}).rope());
        assertEquals(
                llama3,
                read(
                                "llama3-rope-tied-f16",
                                config -> {
                                    ObjectNode rope = (ObjectNode) config.remove("rope_scaling");
                                    rope.set("rope_theta", config.remove("rope_theta"));
                                    config.set("rope_parameters", rope);
                                })
                        .rope());
        assertEquals(
                llama3,
                read(
                                "llama3-rope-tied-f16",
                                config -> {
                                    ObjectNode rope = (ObjectNode) config.get("rope_scaling");
                                    rope.set("type", rope.remove("rope_type"));
                                })
                        .rope());
        assertEquals(
                8,
                read(
                                "qwen3-moe-bf16",
                                config ->
                                        config.set(
                                                "num_experts", config.remove("num_local_experts")))
                        .experts()
                        .count());
    }

    @Test
    void headDimFollowsFromTheHiddenSizeWhereItIsNotGiven() {
        assertEquals(
                32, read("llama-bf16-sharded", config -> config.putNull("head_dim")).headDim());
    }

    @Test
    void biasesAreTheFamilysOrTheFiles() {
        ModelConfig qwen2 = read("qwen2-bias-tied-bf16", config -> {});
        assertTrue(qwen2.qkvBias());
        assertFalse(qwen2.attentionOutBias());
        ModelConfig llama =
                read("llama-bf16-sharded", config -> config.put("attention_bias", true));
        assertTrue(llama.qkvBias() && llama.attentionOutBias() && !llama.mlpBias());
    }

    @Test
    void windowsHoldWhereTheFamilySays() {
        assertEquals(List.of(32, 32, 32), windows("mistral-window-bf16", config -> {}));
        assertEquals(
                List.of(0, 0, 0),
                windows("mistral-window-bf16", config -> config.putNull("sliding_window")));
        refuses(
                "mistral-window-bf16",
                config -> config.remove("sliding_window"),
                "field sliding_window is missing; it must be a positive integer, or null for no"
                    + " window");

        Consumer<ObjectNode> unused =
                config ->
                        config.put("sliding_window", 8)
                                .put("max_window_layers", 1)
                                .remove("layer_types");
        assertEquals(List.of(0, 0, 0), windows("qwen2-bias-tied-bf16", unused));
        Consumer<ObjectNode> used =
                unused.andThen(config -> config.put("use_sliding_window", true));
        assertEquals(List.of(0, 8, 8), windows("qwen2-bias-tied-bf16", used));
        assertEquals(
                List.of(8, 0, 8),
                windows(
                        "qwen3-qknorm-f32",
                        used.andThen(
                                config ->
                                        config.set(
                                                "layer_types",
                                                CheckpointCopy.json(
                                                        "['sliding_attention', 'full_attention',"
                                                            + " 'sliding_attention']")))));
        assertEquals(List.of(0, 0, 0), windows("qwen3-moe-bf16", unused));
        assertEquals(List.of(8, 8, 8), windows("qwen3-moe-bf16", used));

        refuses(
                "qwen3-qknorm-f32",
                unused.andThen(
                        config ->
                                config.set(
                                        "layer_types",
                                        CheckpointCopy.json("['chunked_attention']"))),
                "field layer_types has 1 entries, not one for each of 3 layers");
        refuses(
                "qwen3-qknorm-f32",
                unused.andThen(
                        config ->
                                config.set("layer_types", CheckpointCopy.json("['a', 'b', 'c']"))),
                "field layer_types is a, which is not supported; supported: full_attention,"
                    + " sliding_attention");
    }

    @Test
    void expertsSitWhereTheFamilySays() {
        ModelConfig mixtral = read("mixtral-bf16", config -> {});
        assertEquals(new ModelConfig.ExpertsConfig(4, 2, 256, true), mixtral.experts());
        ModelConfig qwen = read("qwen3-moe-bf16", config -> config.remove("norm_topk_prob"));
        assertEquals(new ModelConfig.ExpertsConfig(8, 2, 64, false), qwen.experts());
        assertEquals(
                List.of(false, true, false),
                sparse(config -> config.put("decoder_sparse_step", 2)));
        assertEquals(
                List.of(true, false, true),
                sparse(config -> config.set("mlp_only_layers", CheckpointCopy.json("[1]"))));
        refuses(
                "mixtral-bf16",
                config -> config.put("num_experts_per_tok", 5),
                "num_experts_per_tok (5) is more than there are experts (4)");
    }

    @Test
    void refusesWhatIsNotSupportedByName() {
        refuses(
                "llama-bf16-sharded",
                config -> config.put("model_type", "gpt2"),
                "field model_type is gpt2, which is not supported;"
                        + " supported are llama, mistral, mixtral, qwen2, qwen3, qwen3_moe");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("hidden_act", "gelu"),
                "field hidden_act is gelu, which is not supported; supported: silu");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("dtype", "int8"),
                "field dtype is int8, which is not supported; supported: bfloat16, float16,"
                    + " float32");
        refuses(
                "llama-bf16-sharded",
                config ->
                        config.set(
                                "rope_parameters",
                                CheckpointCopy.json(
                                        "{'rope_type': 'yarn', 'rope_theta': 10000, 'factor': 4}")),
                "field rope_parameters.rope_type is yarn, which is not supported; supported are"
                    + " default, linear, llama3");
        refuses(
                "mixtral-bf16",
                config ->
                        config.set(
                                "rope_scaling",
                                CheckpointCopy.json("{'type': 'dynamic', 'factor': 4}")),
                "field rope_scaling.type is dynamic, which is not supported; supported are default,"
                    + " linear, llama3");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("partial_rotary_factor", 0.5),
                "field partial_rotary_factor must be 1: rotating a part of a head is not"
                    + " supported");
    }

    @Test
    void refusesMissingAndMistypedFields() {
        refuses(
                "llama-bf16-sharded",
                config -> config.remove("num_hidden_layers"),
                "field num_hidden_layers is missing; it must be a positive integer");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("hidden_size", "128"),
                "field hidden_size must be a positive integer, not \"128\"");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("hidden_size", 0),
                "field hidden_size must be a positive integer, not 0");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("num_key_value_heads", 3),
                "num_attention_heads (4) must be a multiple of num_key_value_heads (3)");
        refuses(
                "llama-bf16-sharded",
                config -> config.put("tie_word_embeddings", "no"),
                "field tie_word_embeddings must be true or false, not \"no\"");
        refuses(
                "llama3-rope-tied-f16",
                config -> ((ObjectNode) config.get("rope_scaling")).remove("factor"),
                "field rope_scaling.factor is missing; it must be a number");
    }

    @Test
    void refusesBrokenJsonByLine() throws IOException {
        Path file = folder.resolve("config.json");
        Files.writeString(file, "{\"model_type\": \"llama\",\n oops}");
        String message =
                assertThrows(ModelLoadException.class, () -> ModelConfigReader.read(folder))
                        .getMessage();
        assertTrue(message.startsWith(file + ": line 2: not valid JSON: "), message);
        Files.delete(file);
        assertEquals(
                file + ": no such file",
                assertThrows(ModelLoadException.class, () -> ModelConfigReader.read(folder))
                        .getMessage());
    }

    private List<Integer> windows(String golden, Consumer<ObjectNode> change) {
        return read(golden, change).layers().stream()
                .map(ModelConfig.Layer::slidingWindow)
                .toList();
    }

    private List<Boolean> sparse(Consumer<ObjectNode> change) {
        return read("qwen3-moe-bf16", change).layers().stream()
                .map(ModelConfig.Layer::hasExperts)
                .toList();
    }

    private ModelConfig read(String golden, Consumer<ObjectNode> change) {
        return ModelConfigReader.read(copy(golden, change));
    }

    private void refuses(String golden, Consumer<ObjectNode> change, String message) {
        Path dir = copy(golden, change);
        ModelLoadException e =
                assertThrows(ModelLoadException.class, () -> ModelConfigReader.read(dir));
        assertEquals(dir.resolve("config.json") + ": " + message, e.getMessage());
    }

    private Path copy(String golden, Consumer<ObjectNode> change) {
        try {
            return CheckpointCopy.of(golden, Files.createTempDirectory(folder, "copy"))
                    .editConfig(change)
                    .dir();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
