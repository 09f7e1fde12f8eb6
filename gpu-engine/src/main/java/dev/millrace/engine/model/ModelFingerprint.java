package dev.millrace.engine.model;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells checkpoints apart: SHA-256 over config.json, each weight file's name, size and header
 * (names, shapes and dtypes of its tensors), and up to 256 bytes from the middle of every tensor.
 * Reading whole weights would take minutes for a large model; checkpoints that differ only in bytes
 * that are not looked at have the same fingerprint.
 */
public final class ModelFingerprint {
    private static final long SAMPLE_BYTES = 256;

    private ModelFingerprint() {}

    /** The fingerprint in lower-case hex. */
    public static String of(Path modelDir) {
        MessageDigest digest = sha256();
        Path config = modelDir.resolve("config.json");
        try {
            digest.update(Files.readAllBytes(config));
        } catch (IOException e) {
            throw new ModelLoadException(config + ": cannot be read: " + e.getMessage(), e);
        }
        try (Checkpoint checkpoint = Checkpoint.open(modelDir, null)) {
            for (SafetensorsFile file : checkpoint.files()) {
                digest.update(
                        (file.path().getFileName() + "\n" + file.byteSize() + "\n")
                                .getBytes(StandardCharsets.UTF_8));
                digest.update(file.header().asByteBuffer());
                file.tensors()
                        .values()
                        .forEach(tensor -> digest.update(middle(tensor.data()).asByteBuffer()));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MemorySegment middle(MemorySegment data) {
        long length = Math.min(SAMPLE_BYTES, data.byteSize());
        return data.asSlice((data.byteSize() - length) / 2, length);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
