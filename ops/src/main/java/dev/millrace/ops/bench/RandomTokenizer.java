package dev.millrace.ops.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the tokenizer of a made-up model, as a Hugging Face folder has it: byte-level BPE whose
 * tokens are the 256 bytes, then strings of one to three letters with and without a space before
 * them, then special tokens. Engines that insist on a tokenizer load it; ids are all that a
 * benchmark uses.
 */
final class RandomTokenizer {
    private static final int SPECIAL_TOKENS = 256;
    private static final int FIRST_SPECIAL = Shape.VOCABULARY - SPECIAL_TOKENS;
    static final int BEGIN_OF_TEXT = FIRST_SPECIAL;
    static final int END_OF_TEXT = FIRST_SPECIAL + 1;
    private static final int BYTES = 256;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<String> tokens = new ArrayList<>();
    private final List<String> merges = new ArrayList<>();

    RandomTokenizer() {
        for (int b = 0; b < BYTES; b++) {
            tokens.add(byteText(b));
        }
        String space = byteText(' ');
        List<String> words = new ArrayList<>(List.of("", space));
        // Each pass puts a letter behind every word of the pass before, so both parts are tokens.
        while (tokens.size() < FIRST_SPECIAL) {
            List<String> longer = new ArrayList<>();
            for (String word : words) {
                for (char letter = 'a'; letter <= 'z'; letter++) {
                    longer.add(word + letter);
                    merge(word, letter);
                }
            }
            words = longer;
        }
    }

    private void merge(String word, char letter) {
        if (!word.isEmpty() && tokens.size() < FIRST_SPECIAL) {
            tokens.add(word + letter);
            merges.add(word + " " + letter);
        }
    }

    /** The letter that stands for a byte: itself if printable, else one from 256 on (GPT-2). */
    private static String byteText(int b) {
        if (isPrintable(b)) {
            return Character.toString(b);
        }
        int before = 0;
        for (int other = 0; other < b; other++) {
            before += isPrintable(other) ? 0 : 1;
        }
        return Character.toString(256 + before);
    }

    private static boolean isPrintable(int b) {
        return b > ' ' && b < 127 || b > 160 && b != 173;
    }

    private static String special(int id) {
        return switch (id) {
            case BEGIN_OF_TEXT -> "<|begin_of_text|>";
            case END_OF_TEXT -> "<|end_of_text|>";
            default -> "<|reserved_special_token_" + (id - END_OF_TEXT - 1) + "|>";
        };
    }

    /** Writes tokenizer.json, tokenizer_config.json and generation_config.json. */
    void write(Path dir) throws IOException {
        Files.writeString(dir.resolve("tokenizer.json"), tokenizer().toString());
        Files.writeString(dir.resolve("tokenizer_config.json"), config().toPrettyString());
        Files.writeString(
                dir.resolve("generation_config.json"),
                JSON.createObjectNode()
                        .put("bos_token_id", BEGIN_OF_TEXT)
                        .put("eos_token_id", END_OF_TEXT)
                        .toPrettyString());
    }

    private ObjectNode tokenizer() {
        ObjectNode json = JSON.createObjectNode().put("version", "1.0");
        ArrayNode added = json.putArray("added_tokens");
        for (int id = FIRST_SPECIAL; id < Shape.VOCABULARY; id++) {
            added.addObject()
                    .put("id", id)
                    .put("content", special(id))
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
        }
        json.putNull("normalizer");
        byteLevel(json.putObject("pre_tokenizer"), false);
        json.putNull("post_processor");
        byteLevel(json.putObject("decoder"), true);
        ObjectNode model = json.putObject("model").put("type", "BPE");
        model.putNull("unk_token");
        model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        ArrayNode pairs = model.putArray("merges");
        merges.forEach(pairs::add);
        return json;
    }

    private static void byteLevel(ObjectNode json, boolean prefixSpace) {
        json.put("type", "ByteLevel")
                .put("add_prefix_space", prefixSpace)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    private static ObjectNode config() {
        return JSON.createObjectNode()
                .put("tokenizer_class", "PreTrainedTokenizerFast")
                .put("bos_token", special(BEGIN_OF_TEXT))
                .put("eos_token", special(END_OF_TEXT))
                .put("add_bos_token", false)
                .put("model_max_length", RandomModel.MAX_POSITIONS);
    }
}
