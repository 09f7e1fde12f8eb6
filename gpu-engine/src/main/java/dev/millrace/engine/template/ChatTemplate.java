package dev.millrace.engine.template;

import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A model's chat template: turns messages into the text that the model was trained on. Agrees with
 * {@code apply_chat_template} of transformers 5. Immutable; several threads may render at once.
 */
public final class ChatTemplate {
    static final String DEFAULT = "default";
    static final String TOOL_USE = "tool_use";

    /** Names that a message's reasoning goes by; the first is the one that templates read. */
    private static final List<String> REASONING =
            List.of("reasoning_content", "thinking", "reasoning");

    private final Map<String, Template> templates;
    private final Map<String, String> specialTokens;
    private final Clock clock;

    ChatTemplate(Map<String, Template> templates, Map<String, String> specialTokens, Clock clock) {
        this.templates = Map.copyOf(templates);
        this.specialTokens = Map.copyOf(specialTokens);
        this.clock = Objects.requireNonNull(clock, "clock");
    }

    /**
     * Finds the template of a model folder: {@code chat_template.jinja} (with {@code
     * additional_chat_templates/}), else {@code chat_template.json}, else {@code chat_template} in
     * {@code tokenizer_config.json}.
     *
     * @return empty where the model has none
     * @throws java.io.UncheckedIOException naming the file that cannot be read
     * @throws TemplateException when a template is wrong
     */
    public static Optional<ChatTemplate> load(Path modelDir) {
        return ChatTemplateFiles.load(modelDir, Clock.systemDefaultZone());
    }

    /**
     * The template of a file of its own, with the special tokens of a model folder. Errors as in
     * {@link #load(Path)}.
     */
    public static ChatTemplate load(Path modelDir, Path templateFile) {
        return ChatTemplateFiles.load(modelDir, templateFile, Clock.systemDefaultZone());
    }

    /**
     * A template from its text.
     *
     * @param name what messages call it
     * @param specialTokens variables such as {@code bos_token}
     * @throws TemplateException of kind SYNTAX, with the line
     */
    public static ChatTemplate of(
            String name, String source, Map<String, String> specialTokens, Clock clock) {
        return new ChatTemplate(
                Map.of(DEFAULT, Template.parse(name, source)), specialTokens, clock);
    }

    /** Variables such as {@code bos_token} that every rendering sees. */
    public Map<String, String> specialTokens() {
        return specialTokens;
    }

    /**
     * Renders a conversation.
     *
     * @param messages JSON values: maps of role, content and whatever else the template knows
     * @param tools JSON values, or null
     * @param addGenerationPrompt whether to end with what starts an answer
     * @param variables further variables; they take precedence over special tokens
     * @throws TemplateException when the template refuses the messages, fails or runs away
     */
    public String render(
            List<Map<String, Object>> messages,
            List<Object> tools,
            boolean addGenerationPrompt,
            Map<String, Object> variables) {
        Map<String, Object> all = new LinkedHashMap<>(specialTokens);
        all.put("documents", null);
        all.putAll(variables);
        all.put("messages", withReasoning(messages));
        all.put("tools", tools);
        all.put("add_generation_prompt", addGenerationPrompt);
        return choose(tools != null).render(all, clock, RenderLimits.DEFAULT);
    }

    private Template choose(boolean withTools) {
        Template special = withTools ? templates.get(TOOL_USE) : null;
        return special != null ? special : templates.get(DEFAULT);
    }

    /**
     * Copies a message's reasoning to the names that templates look for it under, as transformers
     * does.
     */
    private static List<Object> withReasoning(List<Map<String, Object>> messages) {
        List<Object> result = new ArrayList<>(messages.size());
        for (Map<String, Object> message : messages) {
            Object reasoning =
                    REASONING.stream()
                            .map(message::get)
                            .filter(Objects::nonNull)
                            .findFirst()
                            .orElse(null);
            if (reasoning == null) {
                result.add(message);
                continue;
            }
            Map<String, Object> aliased = new LinkedHashMap<>();
            aliased.put("thinking", reasoning);
            aliased.putAll(message);
            aliased.put("reasoning_content", reasoning);
            result.add(aliased);
        }
        return result;
    }
}
