package dev.millrace.engine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Shape of a decoder to measure with random weights, as config.json of a Llama with FP8 linears.
 *
 * @param name for reports
 */
record BenchShape(
        String name,
        int hidden,
        int intermediate,
        int layers,
        int queryHeads,
        int kvHeads,
        int headDim,
        int vocabulary) {
    static final BenchShape LLAMA_8B = new BenchShape("8B", 4096, 14_336, 32, 32, 8, 128, 128_256);
    static final BenchShape LLAMA_70B =
            new BenchShape("70B", 8192, 28_672, 80, 64, 8, 128, 128_256);
    static final BenchShape TINY = new BenchShape("tiny", 256, 512, 2, 4, 2, 64, 1024);

    private static final int MAX_POSITIONS = 16_384;

    /** Writes the folder's config.json. */
    Path writeConfig(Path folder) throws IOException {
        Files.createDirectories(folder);
        String json =
                """
                {"model_type": "llama", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
                 "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d, "vocab_size": %d,
                 "max_position_embeddings": %d, "rms_norm_eps": 1e-5,
                 "tie_word_embeddings": false, "dtype": "bfloat16",
                 "hidden_act": "silu", "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
                 "quantization_config": {"quant_method": "fbgemm_fp8"}}
                """
                        .formatted(
                                hidden,
                                intermediate,
                                layers,
                                queryHeads,
                                kvHeads,
                                headDim,
                                vocabulary,
                                MAX_POSITIONS);
        Files.writeString(folder.resolve("config.json"), json);
        return folder;
    }

    /** Bytes of keys and values per token, in FP8. */
    long kvBytesPerToken() {
        return 2L * layers * kvHeads * headDim;
    }
}
