package dev.millrace.engine.kvtier;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Whose images: a digest over all that decides what bytes a block of given tokens has. Images of
 * another identity are another model's, and never read.
 *
 * @param digest SHA-256
 */
public record BlockIdentity(byte[] digest) {
    /** Bytes of the digest. */
    static final int BYTES = 32;

    /** Hex digits of {@link #shortHex}. */
    static final int SHORT_DIGITS = 16;

    /**
     * @param model the checkpoint's fingerprint
     * @param numerics how its linear layers are computed
     */
    public static BlockIdentity of(String model, String numerics, KvStore store) {
        KvLayout layout = store.layout();
        String text =
                String.join(
                        "\n",
                        model,
                        numerics,
                        store.imageFormat(),
                        "block " + layout.blockSize(),
                        "layers " + layout.numLayers(),
                        "heads " + layout.numKvHeads(),
                        "dim " + layout.headDim(),
                        "bytes " + layout.bytesPerElement(),
                        "image " + store.imageBytes());
        return new BlockIdentity(
                BlockKey.sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** The key before the first block. */
    public BlockKey root() {
        return BlockKey.first128(digest);
    }

    /** The part of a file's name that tells models apart. */
    String shortHex() {
        return HexFormat.of().formatHex(digest, 0, SHORT_DIGITS / 2);
    }
}
