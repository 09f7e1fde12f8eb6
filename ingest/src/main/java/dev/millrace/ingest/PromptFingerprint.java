package dev.millrace.ingest;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

/**
 * A 64-bit hash of the part of a prompt that other prompts are likely to begin with. Jobs of equal
 * fingerprint get the same key on the ready topic, so that they meet the same warm KV cache.
 *
 * <p>Hashed are the model and what the template puts first: the tools, its variables, and the
 * leading system and developer messages or the messages of a shared prefix. Where there is none of
 * these, the first {@value #HEAD_CHARS} characters of the first message count, so that jobs that
 * share nothing spread over the partitions. For completions: the first {@value #HEAD_CHARS}
 * characters or {@value #HEAD_TOKENS} token ids. The hash is the head of a SHA-256, the same on
 * every machine and release.
 */
public final class PromptFingerprint {
    static final int HEAD_CHARS = 512;
    static final int HEAD_TOKENS = 128;

    private final MessageDigest digest = Digests.sha256();

    private PromptFingerprint() {}

    /** The fingerprint of a job that names no shared prefix (any more). */
    public static long of(PromptJob job) {
        return of(job, 0);
    }

    /**
     * @param sharedMessages how many of the job's first messages came out of a shared prefix
     */
    public static long of(PromptJob job, int sharedMessages) {
        PromptFingerprint hash = new PromptFingerprint();
        hash.add(job.getModel());
        hash.add(job.getEndpoint().name());
        if (job.getEndpoint() == Endpoint.CHAT_COMPLETIONS) {
            hash.addChat(job, sharedMessages);
        } else {
            hash.addPrompt(job);
        }
        return ByteBuffer.wrap(hash.digest.digest()).getLong();
    }

    /** A fingerprint as it stands in record keys: 16 hexadecimal digits. */
    public static String hex(long fingerprint) {
        return String.format("%016x", fingerprint);
    }

    private void addChat(PromptJob job, int sharedMessages) {
        add(job.getTools());
        add(job.getChatTemplateKwargs());
        List<ChatMessage> messages = job.getMessages();
        int leading = sharedMessages;
        while (leading < messages.size() && isInstruction(messages.get(leading))) {
            leading++;
        }
        for (ChatMessage message : messages.subList(0, leading)) {
            add(message.getRole());
            add(message.getContent());
            add(message.getExtra());
        }
        if (leading == 0 && job.getTools() == null && !messages.isEmpty()) {
            ChatMessage first = messages.getFirst();
            add(head(first.getContent() == null ? first.getExtra() : first.getContent()));
        }
    }

    private void addPrompt(PromptJob job) {
        if (job.getPrompt() != null) {
            add(head(job.getPrompt()));
            return;
        }
        List<Integer> ids = job.getPromptTokenIds();
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * Math.min(ids.size(), HEAD_TOKENS));
        while (bytes.hasRemaining()) {
            bytes.putInt(ids.get(bytes.position() / Integer.BYTES));
        }
        digest.update(bytes.flip());
    }

    /**
     * Length first, so that no two lists of texts hash the same bytes; null is not the empty text.
     */
    private void add(String text) {
        byte[] bytes = text == null ? null : text.getBytes(StandardCharsets.UTF_8);
        digest.update(
                ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes == null ? -1 : bytes.length));
        if (bytes != null) {
            digest.update(bytes);
        }
    }

    private static String head(String text) {
        return text == null || text.length() <= HEAD_CHARS ? text : text.substring(0, HEAD_CHARS);
    }

    private static boolean isInstruction(ChatMessage message) {
        return message.getRole().equals("system") || message.getRole().equals("developer");
    }
}
