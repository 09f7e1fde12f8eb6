package dev.millrace.engine.model;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads generation_config.json. Its sampling values count whatever do_sample says, as in vLLM:
 * do_sample chooses between code paths of transformers, and a request chooses greedy by temperature
 * 0.
 */
public final class GenerationDefaultsReader {
    private GenerationDefaultsReader() {}

    /**
     * Reads the defaults of a folder; without generation_config.json, or where it has no
     * end-of-sequence tokens, those come from config.json.
     *
     * @throws ModelLoadException if a field has the wrong type
     */
    public static GenerationDefaults read(Path modelDir) {
        Path file = modelDir.resolve("generation_config.json");
        int[] fallback = JsonFields.read(modelDir.resolve("config.json")).ints("eos_token_id");
        if (!Files.exists(file)) {
            return new GenerationDefaults(null, null, null, null, null, fallback);
        }
        JsonFields fields = JsonFields.read(file);
        return new GenerationDefaults(
                numberOrNull(fields, "temperature"),
                numberOrNull(fields, "top_p"),
                fields.has("top_k") ? fields.count("top_k", 0) : null,
                numberOrNull(fields, "min_p"),
                numberOrNull(fields, "repetition_penalty"),
                fields.has("eos_token_id") ? fields.ints("eos_token_id") : fallback);
    }

    private static Double numberOrNull(JsonFields fields, String name) {
        return fields.has(name) ? fields.number(name) : null;
    }
}
