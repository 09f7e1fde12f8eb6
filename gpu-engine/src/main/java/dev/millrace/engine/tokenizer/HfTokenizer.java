package dev.millrace.engine.tokenizer;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The tokenizer of a model folder: {@code tokenizer.json} run by Hugging Face's own library.
 * Encoding never truncates or pads, whatever the file asks for, and decoding never tidies spaces
 * up. Safe for use by several threads.
 *
 * <p>It stands on the library's native entry points instead of DJL's {@code HuggingFaceTokenizer}:
 * that class reports its use over the network when it is loaded, and copies offsets, masks and
 * token texts that nobody reads here.
 */
public final class HfTokenizer implements AutoCloseable {
    public static final String FILE_NAME = "tokenizer.json";

    /** The library's own setting for which build of it to load. */
    private static final String FLAVOR = "RUST_FLAVOR";

    private final Path path;
    private final TokenizerFile file;
    private final byte[][] bytesById;

    /** [token], null before the first use */
    private final String[] wholeTextById;

    private final ReentrantReadWriteLock lifeLock = new ReentrantReadWriteLock();
    private long handle;

    private HfTokenizer(Path path, TokenizerFile file, long handle) {
        this.path = path;
        this.file = file;
        this.handle = handle;
        this.bytesById = new byte[file.vocabularySize()][];
        this.wholeTextById = new String[bytesById.length];
        for (int id = 0; id < bytesById.length; id++) {
            String token = file.token(id);
            bytesById[id] = token == null ? new byte[0] : file.tokenBytes().bytes(token);
        }
    }

    /**
     * Loads {@code tokenizer.json} of a model folder.
     *
     * @throws UncheckedIOException naming the path, when the file is missing or broken
     */
    public static HfTokenizer load(Path modelDir) {
        Path path = modelDir.resolve(FILE_NAME);
        try {
            String json = Files.readString(path, StandardCharsets.UTF_8);
            TokenizerFile file = TokenizerFile.parse(json);
            return new HfTokenizer(path, file, openNative(json));
        } catch (NoSuchFileException e) {
            throw new UncheckedIOException(new IOException("no tokenizer at " + path, e));
        } catch (IOException e) {
            throw new UncheckedIOException(
                    new IOException(
                            "cannot read the tokenizer at " + path + ": " + e.getMessage(), e));
        }
    }

    private static long openNative(String json) throws IOException {
        loadLibrary();
        long handle;
        try {
            handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
        } catch (RuntimeException e) {
            throw new IOException(e.getMessage(), e);
        }
        TokenizersLibrary.LIB.disableTruncation(handle);
        TokenizersLibrary.LIB.disablePadding(handle);
        return handle;
    }

    /**
     * Beside a CUDA device the library would look for a build of its own and fetch it over the
     * network; tokens need none.
     */
    private static void loadLibrary() {
        if (System.getenv(FLAVOR) == null && System.getProperty(FLAVOR) == null) {
            System.setProperty(FLAVOR, "cpu");
        }
        LibUtils.checkStatus();
    }

    /**
     * Token ids of a text of any length.
     *
     * @param addSpecialTokens whether to add what the file's post-processor adds (a begin-of-text
     *     token, as a rule)
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        lifeLock.readLock().lock();
        try {
            long encoding =
                    TokenizersLibrary.LIB.encode(openHandle(), wellFormed(text), addSpecialTokens);
            try {
                return toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } finally {
            lifeLock.readLock().unlock();
        }
    }

    /** Text of token ids, as the library decodes them. */
    public String decode(int[] tokenIds, boolean skipSpecialTokens) {
        long[] ids = new long[tokenIds.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = checkId(tokenIds[i]);
        }
        lifeLock.readLock().lock();
        try {
            return TokenizersLibrary.LIB.decode(openHandle(), ids, skipSpecialTokens);
        } finally {
            lifeLock.readLock().unlock();
        }
    }

    /** A fresh incremental decoder for one sequence. */
    public Detokenizer detokenizer(boolean skipSpecialTokens) {
        return new Detokenizer(this, file.tokenBytes(), skipSpecialTokens);
    }

    /** One more than the largest token id. The model's own vocabulary may be padded to more. */
    public int vocabularySize() {
        return file.vocabularySize();
    }

    /**
     * Bytes that a token adds to a text: a part of a character where the token is one. Empty for an
     * id without token.
     */
    public byte[] tokenBytes(int tokenId) {
        return rawBytes(tokenId).clone();
    }

    /** The token as text; bytes that are no text by themselves show as U+FFFD. */
    public String tokenText(int tokenId) {
        return new String(rawBytes(tokenId), StandardCharsets.UTF_8);
    }

    /**
     * Whether the file marks the token as special, so that {@code skip_special_tokens} leaves it
     * out.
     */
    public boolean isSpecial(int tokenId) {
        return file.special().get(checkId(tokenId));
    }

    /** Ids of all special tokens; a copy. */
    public BitSet specialTokenIds() {
        return (BitSet) file.special().clone();
    }

    /** Id of a token written as in the file, for example {@code <|im_end|>}. */
    public OptionalInt tokenId(String token) {
        Integer id = file.id(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Whether one space at the very start of a text is not shown. */
    public boolean stripsFirstSpace() {
        return file.tokenBytes().stripsFirstSpace();
    }

    /** Frees the native tokenizer, after calls under way have returned. */
    @Override
    public void close() {
        lifeLock.writeLock().lock();
        try {
            if (handle != 0) {
                TokenizersLibrary.LIB.deleteTokenizer(handle);
                handle = 0;
            }
        } finally {
            lifeLock.writeLock().unlock();
        }
    }

    /**
     * The text of a token whose bytes are whole characters, empty for another. Each is made once, or
     * by several threads alike: detokenizing makes no new strings then.
     */
    String wholeText(int tokenId) {
        String text = wholeTextById[checkId(tokenId)];
        if (text == null) {
            byte[] bytes = bytesById[tokenId];
            String decoded = new String(bytes, StandardCharsets.UTF_8);
            boolean isWhole = Arrays.equals(bytes, decoded.getBytes(StandardCharsets.UTF_8));
            text = isWhole ? decoded : "";
            wholeTextById[tokenId] = text;
        }
        return text;
    }

    /** Not to be changed by the caller. */
    byte[] rawBytes(int tokenId) {
        return bytesById[checkId(tokenId)];
    }

    private int checkId(int tokenId) {
        if (tokenId < 0 || tokenId >= bytesById.length) {
            throw new IndexOutOfBoundsException(
                    "token id " + tokenId + " is outside the vocabulary of " + bytesById.length);
        }
        return tokenId;
    }

    private long openHandle() {
        if (handle == 0) {
            throw new IllegalStateException("the tokenizer " + path + " is closed");
        }
        return handle;
    }

    /** Half a surrogate pair is no text; the native side would refuse the whole string. */
    private static String wellFormed(String text) {
        StringBuilder mended = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else {
                mended = mended == null ? new StringBuilder(text) : mended;
                mended.setCharAt(i, '\uFFFD');
            }
        }
        return mended == null ? text : mended.toString();
    }

    private static int[] toInts(long[] values) {
        int[] ints = new int[values.length];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = Math.toIntExact(values[i]);
        }
        return ints;
    }
}
