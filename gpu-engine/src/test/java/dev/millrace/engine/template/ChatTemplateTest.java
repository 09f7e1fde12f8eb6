package dev.millrace.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;

/** Where templates and special tokens are found in a model folder. */
class ChatTemplateTest {
    private static final List<Map<String, Object>> HI =
            List.of(Map.of("role", "user", "content", "hi"));

    @TempDir private Path dir;

    @Test
    void aFolderWithoutTemplateHasNone() throws IOException {
        assertTrue(ChatTemplate.load(dir).isEmpty());
        write("tokenizer_config.json", "{\"bos_token\": \"<s>\", \"chat_template\": null}");
        assertTrue(ChatTemplate.load(dir).isEmpty());
    }

    @Test
    void filesGoBeforeTheConfiguration() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\": \"config\", \"bos_token\": \"<s>\"}");
        assertEquals("config", render(null));
        write("chat_template.json", "{\"chat_template\": \"json\"}");
        assertEquals("json", render(null));
        write("chat_template.jinja", "jinja {{ bos_token }}");
        assertEquals("jinja <s>", render(null));
        write("own.jinja", "own {{ bos_token }}{{ messages[0].content }}");
        assertEquals(
                "own <s>hi",
                ChatTemplate.load(dir, dir.resolve("own.jinja")).render(HI, null, true, Map.of()));
    }

    @Test
    void specialTokensMayBeObjectsAndComeFromThreePlaces() throws IOException {
        write(
                "tokenizer_config.json",
                """
                {"bos_token": {"__type": "AddedToken", "content": "<s>"}, "eos_token": null,
                 "add_bos_token": true,
                 "extra_special_tokens": {"image_token": "<image>"},
                 "chat_template": "{{ bos_token }}|{{ eos_token }}|{{ image_token }}\
                |{{ add_bos_token }}|{{ pad_token }}"}\
                """);
        assertEquals("<s>||<image>||", render(null));
        write(
                "special_tokens_map.json",
                "{\"bos_token\": \"other\", \"eos_token\": {\"content\": \"</s>\"}, \"pad_token\":"
                        + " \"<p>\"}");
        assertEquals("<s>|</s>|<image>||<p>", render(null));
        assertEquals(
                Map.of(
                        "bos_token",
                        "<s>",
                        "eos_token",
                        "</s>",
                        "image_token",
                        "<image>",
                        "pad_token",
                        "<p>"),
                ChatTemplate.load(dir).orElseThrow().specialTokens());
    }

    @Test
    void toolsChooseTheirOwnTemplate() throws IOException {
        write(
                "tokenizer_config.json",
                """
                {"chat_template": [{"name": "default", "template": "plain"},
                 {"name": "tool_use", "template": "tools"}]}\
                """);
        assertEquals("plain", render(null));
        assertEquals("tools", render(List.of(Map.of("type", "function"))));
        write(
                "tokenizer_config.json",
                "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"}]}");
        assertTrue(
                assertThrows(UncheckedIOException.class, () -> render(null))
                        .getMessage()
                        .contains("default"));
        write("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"default\"}]}");
        assertTrue(
                assertThrows(UncheckedIOException.class, () -> render(null))
                        .getMessage()
                        .contains("without name or template"));
        Files.createDirectory(dir.resolve("additional_chat_templates"));
        write("chat_template.jinja", "file");
        write("additional_chat_templates/tool_use.jinja", "file for tools");
        assertEquals("file", render(null));
        assertEquals("file for tools", render(List.of()));
    }

    @Test
    void brokenFilesAreNamed() throws IOException {
        write("tokenizer_config.json", "{\n\"chat_template\": ");
        String message =
                assertThrows(UncheckedIOException.class, () -> ChatTemplate.load(dir)).getMessage();
        assertTrue(
                message.contains(dir.resolve("tokenizer_config.json").toString())
                        && message.contains("line 2"),
                message);
        Path missing = dir.resolve("missing.jinja");
        write("tokenizer_config.json", "{}");
        assertTrue(
                assertThrows(UncheckedIOException.class, () -> ChatTemplate.load(dir, missing))
                        .getMessage()
                        .contains(missing.toString()));
        write("chat_template.jinja", "\n{% if %}");
        assertTrue(
                assertThrows(TemplateException.class, () -> ChatTemplate.load(dir))
                        .getMessage()
                        .startsWith("chat_template.jinja, line 2: "));
    }

    @Test
    void whatIsAlwaysThereIsDefined() {
        ChatTemplate template =
                of(
                        "{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} {{"
                                + " extra }} {{ bos_token }}");
        assertEquals(
                "True True False 5 x",
                template.render(HI, null, false, Map.of("extra", 5, "bos_token", "x")));
    }

    @Test
    void reasoningIsFoundUnderEachOfItsNames() {
        ChatTemplate template =
                of(
                        "{% for m in messages %}[{{ m.reasoning_content }}/{{ m.thinking }}]{%"
                                + " endfor %}");
        assertEquals(
                "[a/a][b/b][c/c][/]",
                template.render(
                        List.of(
                                Map.of("reasoning_content", "a"),
                                Map.of("thinking", "b"),
                                Map.of("reasoning", "c"),
                                Map.of()),
                        null,
                        true,
                        Map.of()));
    }

    private static ChatTemplate of(String source) {
        return ChatTemplate.of("t", source, Map.of(), Clock.systemUTC());
    }

    private String render(List<Object> tools) {
        return ChatTemplate.load(dir).orElseThrow().render(HI, tools, true, Map.of());
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(dir.resolve(name), text);
    }
}
