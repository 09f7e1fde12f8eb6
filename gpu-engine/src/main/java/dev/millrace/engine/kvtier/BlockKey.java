package dev.millrace.engine.kvtier;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The name of a block's content wherever it is kept: the first 128 bits of SHA-256 over its
 * predecessor's name and its own tokens. The name before the first block says which model computed
 * the KV and how ({@link BlockIdentity}), so that equal names mean equal images.
 */
public record BlockKey(long high, long low) {
    /** Hex digits of {@link #hex}. */
    static final int HEX_DIGITS = 32;

    String hex() {
        return HexFormat.of().toHexDigits(high) + HexFormat.of().toHexDigits(low);
    }

    static BlockKey ofHex(String digits) {
        return new BlockKey(
                HexFormat.fromHexDigitsToLong(digits, 0, HEX_DIGITS / 2),
                HexFormat.fromHexDigitsToLong(digits, HEX_DIGITS / 2, HEX_DIGITS));
    }

    /** Makes keys; of one thread. */
    public static final class Chain {
        private final MessageDigest sha = sha256();
        private final ByteBuffer bytes;
        private final int blockSize;

        public Chain(int blockSize) {
            this.blockSize = blockSize;
            bytes =
                    ByteBuffer.allocate(2 * Long.BYTES + blockSize * Integer.BYTES)
                            .order(ByteOrder.LITTLE_ENDIAN);
        }

        /** The key of {@code tokens[from .. from + blockSize - 1]} after {@code parent}. */
        public BlockKey next(BlockKey parent, int[] tokens, int from) {
            bytes.clear().putLong(parent.high).putLong(parent.low);
            for (int i = from; i < from + blockSize; i++) {
                bytes.putInt(tokens[i]);
            }
            return first128(sha.digest(bytes.array()));
        }
    }

    static BlockKey first128(byte[] digest) {
        ByteBuffer bytes = ByteBuffer.wrap(digest);
        return new BlockKey(bytes.getLong(), bytes.getLong());
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
