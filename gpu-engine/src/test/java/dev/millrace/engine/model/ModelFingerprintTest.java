package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFingerprintTest {

    @TempDir
    private Path folder;

    @Test
    void isTheSameForACopyAndChangesWithConfigOrWeights() throws IOException {
        CheckpointCopy copy = CheckpointCopy.of("llama-bf16-sharded", folder);
        String original = ModelFingerprint.of(Golden.root().resolve("llama-bf16-sharded"));
        assertEquals(64, original.length());
        assertEquals(original, ModelFingerprint.of(copy.dir()));

        byte[] weights = Files.readAllBytes(copy.file("model-00001-of-00003.safetensors"));
        byte[] retrained = weights.clone();
        for (int i = retrained.length / 2; i < retrained.length; i++) {
            retrained[i]++;
        }
        Files.write(copy.file("model-00001-of-00003.safetensors"), retrained);
        assertNotEquals(original, ModelFingerprint.of(copy.dir()));

        Files.write(copy.file("model-00001-of-00003.safetensors"), weights);
        assertEquals(original, ModelFingerprint.of(copy.dir()));
        copy.editConfig(config -> config.put("rms_norm_eps", 1e-4));
        assertNotEquals(original, ModelFingerprint.of(copy.dir()));
    }
}
