package dev.millrace.worker.remote;

import com.fasterxml.jackson.databind.JsonNode;

import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Log-probabilities in both of OpenAI's shapes: a list of objects under {@code content} (chat, and
 * llama.cpp everywhere), or parallel lists (completions). Most servers give no token ids; those are
 * {@link #UNKNOWN_ID} then.
 */
final class LogprobsReader {
    /** The id of a token that the server names by its text alone. */
    static final int UNKNOWN_ID = -1;

    private LogprobsReader() {}

    /**
     * @param numTop alternatives that were asked for; more are dropped
     */
    static List<TokenLogprob> read(JsonNode logprobs, int numTop) throws MalformedAnswerException {
        if (logprobs.path("content").isArray()) {
            return readObjects(logprobs.path("content"), numTop);
        }
        if (logprobs.path("tokens").isArray()) {
            return readLists(logprobs, numTop);
        }
        throw new MalformedAnswerException("the log-probabilities that were asked for are missing");
    }

    private static List<TokenLogprob> readObjects(JsonNode content, int numTop)
            throws MalformedAnswerException {
        List<TokenLogprob> tokens = new ArrayList<>(content.size());
        for (JsonNode token : content) {
            List<TopLogprob> top = new ArrayList<>();
            for (JsonNode other : token.path("top_logprobs")) {
                if (top.size() < numTop) {
                    top.add(
                            new TopLogprob(
                                    text(other),
                                    id(other),
                                    logprob(other.path("logprob")),
                                    bytes(other)));
                }
            }
            tokens.add(
                    new TokenLogprob(
                            text(token),
                            id(token),
                            logprob(token.path("logprob")),
                            bytes(token),
                            top));
        }
        return tokens;
    }

    private static List<TokenLogprob> readLists(JsonNode logprobs, int numTop)
            throws MalformedAnswerException {
        JsonNode texts = logprobs.path("tokens");
        JsonNode values = logprobs.path("token_logprobs");
        if (values.size() != texts.size()) {
            throw new MalformedAnswerException("the lists of log-probabilities differ in length");
        }
        List<TokenLogprob> tokens = new ArrayList<>(texts.size());
        for (int i = 0; i < texts.size(); i++) {
            List<TopLogprob> top = new ArrayList<>();
            for (var other : logprobs.path("top_logprobs").path(i).properties()) {
                top.add(
                        new TopLogprob(
                                other.getKey(),
                                UNKNOWN_ID,
                                logprob(other.getValue()),
                                utf8(other.getKey())));
            }
            top.sort(Comparator.comparingDouble(TopLogprob::getLogprob).reversed());
            List<TopLogprob> best = List.copyOf(top.subList(0, Math.min(numTop, top.size())));
            String text = texts.path(i).asText();
            tokens.add(
                    new TokenLogprob(text, UNKNOWN_ID, logprob(values.path(i)), utf8(text), best));
        }
        return tokens;
    }

    private static String text(JsonNode token) {
        return token.path("token").asText();
    }

    private static int id(JsonNode token) {
        return token.path("id").asInt(UNKNOWN_ID);
    }

    private static double logprob(JsonNode value) throws MalformedAnswerException {
        if (!value.isNumber()) {
            throw new MalformedAnswerException("a log-probability is no number");
        }
        return value.doubleValue();
    }

    private static ByteBuffer bytes(JsonNode token) {
        JsonNode given = token.path("bytes");
        if (!given.isArray()) {
            return utf8(text(token));
        }
        byte[] bytes = new byte[given.size()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) given.get(i).asInt();
        }
        return ByteBuffer.wrap(bytes);
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
