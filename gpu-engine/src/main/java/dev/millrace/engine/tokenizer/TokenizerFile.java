package dev.millrace.engine.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * What this engine itself reads out of a {@code tokenizer.json}: the text of every id, which ids
 * are special, and how tokens become bytes. The merges, by far the largest part, are skipped; the
 * native tokenizer reads those.
 *
 * @see <a href="https://huggingface.co/docs/tokenizers/api/tokenizer">the format's owner</a>
 */
final class TokenizerFile {
    /** A larger id would make the table of tokens outgrow any real vocabulary. */
    private static final int MAX_TOKEN_ID = 1 << 24;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private String[] tokens = new String[1 << 15];
    private int size;
    private final BitSet special = new BitSet();
    private final BitSet added = new BitSet();
    private final Map<String, Integer> ids = new HashMap<>();
    private TokenBytes tokenBytes;

    private TokenizerFile() {}

    /**
     * @throws IOException when the text is no JSON or lacks a part, saying which
     */
    static TokenizerFile parse(String json) throws IOException {
        TokenizerFile file = new TokenizerFile();
        JsonNode decoder = null;
        try (JsonParser parser = new JsonFactory().setCodec(MAPPER).createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("it is no JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                parser.nextToken();
                switch (field) {
                    case "model" -> file.readModel(parser);
                    case "added_tokens" -> file.readAddedTokens(parser.readValueAsTree());
                    case "decoder" -> decoder = parser.readValueAsTree();
                    default -> parser.skipChildren();
                }
            }
        } catch (JsonProcessingException e) {
            throw new IOException(
                    "broken JSON at line "
                            + e.getLocation().getLineNr()
                            + ": "
                            + e.getOriginalMessage(),
                    e);
        }
        if (file.size == 0) {
            throw new IOException("it has no model.vocab");
        }
        file.tokens = Arrays.copyOf(file.tokens, file.size);
        file.tokenBytes = TokenBytes.of(decoder);
        return file;
    }

    private void readModel(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw new IOException("model is no object");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            if (field.equals("vocab")) {
                readVocabulary(parser);
            } else {
                parser.skipChildren();
            }
        }
    }

    /**
     * A map from token to id (BPE, WordPiece), or a list of [token, score] in the order of ids
     * (Unigram).
     */
    private void readVocabulary(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String token = parser.currentName();
                parser.nextToken();
                put(parser.getIntValue(), token);
            }
            return;
        }
        JsonNode list = parser.readValueAsTree();
        for (int id = 0; id < list.size(); id++) {
            put(id, list.get(id).path(0).asText());
        }
    }

    private void readAddedTokens(JsonNode list) throws IOException {
        for (JsonNode token : list) {
            if (!token.path("id").isInt() || !token.path("content").isTextual()) {
                throw new IOException("added_tokens has an entry without id or content");
            }
            int id = token.path("id").intValue();
            put(id, token.path("content").textValue());
            added.set(id);
            special.set(id, token.path("special").asBoolean());
        }
    }

    private void put(int id, String token) throws IOException {
        if (id < 0 || id > MAX_TOKEN_ID) {
            throw new IOException("token " + token + " has the impossible id " + id);
        }
        if (added.get(id)) {
            return; // an added token takes precedence over the model's own, whichever comes first
                    // in the file
        }
        if (id >= tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length * 2));
        }
        tokens[id] = token;
        ids.put(token, id);
        size = Math.max(size, id + 1);
    }

    /** One more than the largest id. */
    int vocabularySize() {
        return size;
    }

    /** The token as the file writes it, or null for an id that no token has. */
    String token(int id) {
        return tokens[id];
    }

    Integer id(String token) {
        return ids.get(token);
    }

    BitSet special() {
        return special;
    }

    TokenBytes tokenBytes() {
        return tokenBytes;
    }
}
