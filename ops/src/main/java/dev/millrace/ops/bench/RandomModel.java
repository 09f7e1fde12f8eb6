package dev.millrace.ops.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes a Hugging Face folder with random BF16 weights: configuration, weights, tokenizer. */
final class RandomModel {
    static final int MAX_POSITIONS = 8192;

    /** What initialisers use; the sums of layers stay in a range in which numbers are real work. */
    private static final float STANDARD_DEVIATION = 0.02f;

    private static final int BUFFER_BYTES = 1 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Shape shape;
    private long state;

    RandomModel(Shape shape, long seed) {
        this.shape = shape;
        this.state = seed;
    }

    /** Writes all files into an existing folder. */
    void write(Path dir) throws IOException {
        new RandomTokenizer().write(dir);
        Files.writeString(dir.resolve("config.json"), config().toPrettyString());
        Map<String, int[]> tensors = tensors();
        try (OutputStream out = Files.newOutputStream(dir.resolve("model.safetensors"))) {
            out.write(header(tensors));
            for (int[] dims : tensors.values()) {
                writeTensor(out, dims);
            }
        }
    }

    private ObjectNode config() {
        ObjectNode config = JSON.createObjectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        return config.put("model_type", "llama")
                .put("hidden_size", shape.hidden)
                .put("num_hidden_layers", shape.layers)
                .put("num_attention_heads", shape.heads)
                .put("num_key_value_heads", shape.kvHeads)
                .put("intermediate_size", shape.intermediate)
                .put("vocab_size", Shape.VOCABULARY)
                .put("max_position_embeddings", MAX_POSITIONS)
                .put("rms_norm_eps", 1e-5)
                .put("rope_theta", 10000.0)
                .put("hidden_act", "silu")
                .put("tie_word_embeddings", false)
                .put("bos_token_id", RandomTokenizer.BEGIN_OF_TEXT)
                .put("eos_token_id", RandomTokenizer.END_OF_TEXT)
                .put("torch_dtype", "bfloat16");
    }

    private Map<String, int[]> tensors() {
        Map<String, int[]> tensors = new LinkedHashMap<>();
        int kvCols = shape.kvHeads * shape.headDim();
        tensors.put("model.embed_tokens.weight", new int[] {Shape.VOCABULARY, shape.hidden});
        for (int i = 0; i < shape.layers; i++) {
            String layer = "model.layers." + i + ".";
            tensors.put(layer + "input_layernorm.weight", new int[] {shape.hidden});
            tensors.put(layer + "self_attn.q_proj.weight", square());
            tensors.put(layer + "self_attn.k_proj.weight", new int[] {kvCols, shape.hidden});
            tensors.put(layer + "self_attn.v_proj.weight", new int[] {kvCols, shape.hidden});
            tensors.put(layer + "self_attn.o_proj.weight", square());
            tensors.put(layer + "post_attention_layernorm.weight", new int[] {shape.hidden});
            tensors.put(layer + "mlp.gate_proj.weight", wide());
            tensors.put(layer + "mlp.up_proj.weight", wide());
            tensors.put(
                    layer + "mlp.down_proj.weight", new int[] {shape.hidden, shape.intermediate});
        }
        tensors.put("model.norm.weight", new int[] {shape.hidden});
        tensors.put("lm_head.weight", new int[] {Shape.VOCABULARY, shape.hidden});
        return tensors;
    }

    private int[] square() {
        return new int[] {shape.hidden, shape.hidden};
    }

    private int[] wide() {
        return new int[] {shape.intermediate, shape.hidden};
    }

    /** The length of the JSON in 8 bytes, then the JSON, padded to 8 (safetensors' format page). */
    private static byte[] header(Map<String, int[]> tensors) {
        ObjectNode json = JSON.createObjectNode();
        long offset = 0;
        for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            ObjectNode entry = json.putObject(tensor.getKey()).put("dtype", "BF16");
            var dims = entry.putArray("shape");
            for (int dim : tensor.getValue()) {
                dims.add(dim);
            }
            long end = offset + 2 * elements(tensor.getValue());
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        String text = json.toString();
        text += " ".repeat(-text.length() & 7);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + bytes.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(bytes.length)
                .put(bytes)
                .array();
    }

    private static long elements(int[] dims) {
        return dims.length == 1 ? dims[0] : (long) dims[0] * dims[1];
    }

    /** Norm weights are 1; matrices are random. */
    private void writeTensor(OutputStream out, int[] dims) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long left = elements(dims); left > 0; ) {
            buffer.clear();
            int count = (int) Math.min(left, BUFFER_BYTES / 2);
            for (int i = 0; i < count; i++) {
                float value = dims.length == 1 ? 1f : STANDARD_DEVIATION * nextNormal();
                buffer.putShort((short) (Float.floatToRawIntBits(value) + 0x8000 >>> 16));
            }
            out.write(buffer.array(), 0, 2 * count);
            left -= count;
        }
    }

    /** The sum of four 16-bit uniform numbers, scaled: near enough to a normal one, and quick. */
    private float nextNormal() {
        long bits = mix(state += 0x9e3779b97f4a7c15L);
        long sum =
                (bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48);
        return (sum - 131070f) * (1.7320508f / 65536f);
    }

    /** SplitMix64's finaliser. */
    static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
