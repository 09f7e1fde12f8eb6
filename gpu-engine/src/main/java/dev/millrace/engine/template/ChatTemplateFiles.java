package dev.millrace.engine.template;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Where a model folder keeps its chat templates and special tokens. */
final class ChatTemplateFiles {
    private static final String CONFIG = "tokenizer_config.json";
    private static final String FIELD = "chat_template";

    private final Path modelDir;
    private final Clock clock;
    private final ObjectMapper mapper = new ObjectMapper();

    private ChatTemplateFiles(Path modelDir, Clock clock) {
        this.modelDir = modelDir;
        this.clock = clock;
    }

    static Optional<ChatTemplate> load(Path modelDir, Clock clock) {
        return new ChatTemplateFiles(modelDir, clock).find();
    }

    static ChatTemplate load(Path modelDir, Path templateFile, Clock clock) {
        ChatTemplateFiles files = new ChatTemplateFiles(modelDir, clock);
        Template template =
                Template.parse(templateFile.getFileName().toString(), files.text(templateFile));
        return new ChatTemplate(
                Map.of(ChatTemplate.DEFAULT, template), files.specialTokens(), clock);
    }

    private Optional<ChatTemplate> find() {
        Map<String, Template> templates = fromJinjaFiles();
        if (templates.isEmpty()) {
            addFrom(templates, "chat_template.json");
        }
        if (templates.isEmpty()) {
            addFrom(templates, CONFIG);
        }
        if (templates.isEmpty()) {
            return Optional.empty();
        }
        if (!templates.containsKey(ChatTemplate.DEFAULT)) {
            throw new UncheckedIOException(
                    new IOException(
                            modelDir
                                    + " has chat templates "
                                    + templates.keySet()
                                    + " but none named \""
                                    + ChatTemplate.DEFAULT
                                    + "\""));
        }
        return Optional.of(new ChatTemplate(templates, specialTokens(), clock));
    }

    private Map<String, Template> fromJinjaFiles() {
        Map<String, Template> templates = new HashMap<>();
        Path main = modelDir.resolve("chat_template.jinja");
        if (!Files.exists(main)) {
            return templates;
        }
        templates.put(ChatTemplate.DEFAULT, Template.parse("chat_template.jinja", text(main)));
        Path others = modelDir.resolve("additional_chat_templates");
        if (!Files.isDirectory(others)) {
            return templates;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(others, "*.jinja")) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                templates.put(
                        name.substring(0, name.length() - ".jinja".length()),
                        Template.parse(name, text(file)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(
                    new IOException("cannot list " + others + ": " + e.getMessage(), e));
        }
        return templates;
    }

    /** A template alone, or a list of {name, template}. */
    private void addFrom(Map<String, Template> templates, String fileName) {
        JsonNode found = json(fileName).path(FIELD);
        if (found.isTextual()) {
            templates.put(ChatTemplate.DEFAULT, Template.parse(fileName, found.textValue()));
            return;
        }
        for (JsonNode entry : found) {
            if (!entry.path("name").isTextual() || !entry.path("template").isTextual()) {
                throw new UncheckedIOException(
                        new IOException(
                                modelDir.resolve(fileName)
                                        + ": "
                                        + FIELD
                                        + " has an entry without name or template"));
            }
            String name = entry.path("name").textValue();
            templates.put(
                    name,
                    Template.parse(
                            fileName + " (" + name + ")", entry.path("template").textValue()));
        }
    }

    /**
     * Every {@code ..._token}: text, or an object with its content. The tokenizer's configuration
     * goes first.
     */
    private Map<String, String> specialTokens() {
        Map<String, String> tokens = new HashMap<>();
        JsonNode config = json(CONFIG);
        addTokens(tokens, config);
        addTokens(tokens, config.path("extra_special_tokens"));
        addTokens(tokens, json("special_tokens_map.json"));
        return tokens;
    }

    private static void addTokens(Map<String, String> tokens, JsonNode from) {
        for (Map.Entry<String, JsonNode> field : from.properties()) {
            JsonNode value =
                    field.getValue().isObject()
                            ? field.getValue().path("content")
                            : field.getValue();
            if (field.getKey().endsWith("_token") && value.isTextual()) {
                tokens.putIfAbsent(field.getKey(), value.textValue());
            }
        }
    }

    private JsonNode json(String fileName) {
        Path file = modelDir.resolve(fileName);
        if (!Files.exists(file)) {
            return MissingNode.getInstance();
        }
        try {
            return mapper.readTree(text(file));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(
                    new IOException(
                            file
                                    + ", line "
                                    + e.getLocation().getLineNr()
                                    + ": "
                                    + e.getOriginalMessage(),
                            e));
        }
    }

    private String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException("cannot read " + file + ": " + e, e));
        }
    }
}
