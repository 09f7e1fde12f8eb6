package dev.millrace.engine.tokenizer;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.template.ChatTemplate;
import dev.millrace.engine.template.TemplateException;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Prompts by the tokenizer and the chat template of a model folder. Safe for use by several
 * threads.
 */
public final class ChatPromptEncoder implements PromptEncoder, AutoCloseable {
    private static final String INVALID = "invalid_request";
    private static final String ADD_GENERATION_PROMPT = "add_generation_prompt";

    private final HfTokenizer tokenizer;
    private final ChatTemplate template;

    /**
     * @param template null for a model without one, which then takes no messages
     */
    public ChatPromptEncoder(HfTokenizer tokenizer, ChatTemplate template) {
        this.tokenizer = Objects.requireNonNull(tokenizer, "tokenizer");
        this.template = template;
    }

    /**
     * Loads both from a model folder.
     *
     * @param chatTemplateOrNull a file to use instead of the folder's own template
     * @throws java.io.UncheckedIOException naming the file that is missing or broken
     * @throws TemplateException when the template is wrong, with its line
     */
    public static ChatPromptEncoder load(Path modelDir, Path chatTemplateOrNull) {
        ChatTemplate template =
                chatTemplateOrNull == null
                        ? ChatTemplate.load(modelDir).orElse(null)
                        : ChatTemplate.load(modelDir, chatTemplateOrNull);
        return new ChatPromptEncoder(HfTokenizer.load(modelDir), template);
    }

    public HfTokenizer tokenizer() {
        return tokenizer;
    }

    /**
     * {@code add_generation_prompt} among the variables turns the start of an answer off; by
     * default it is on.
     */
    @Override
    public EncodedPrompt chat(
            List<Map<String, Object>> messages, List<Object> tools, Map<String, Object> variables) {
        if (template == null) {
            throw new RequestRejectedException(
                    INVALID,
                    "messages",
                    "the model has no chat template; give one with --chat-template FILE, or send a"
                        + " prompt to /v1/completions");
        }
        Map<String, Object> others = new HashMap<>(variables);
        Object generation = others.remove(ADD_GENERATION_PROMPT);
        if (generation != null && !(generation instanceof Boolean)) {
            throw new RequestRejectedException(
                    INVALID,
                    "chat_template_kwargs",
                    ADD_GENERATION_PROMPT + " must be true or false");
        }
        String text;
        try {
            text = template.render(messages, tools, !Boolean.FALSE.equals(generation), others);
        } catch (TemplateException e) {
            boolean raised = e.kind() == TemplateException.Kind.RAISED;
            throw new RequestRejectedException(
                    INVALID,
                    "messages",
                    raised
                            ? e.reason()
                            : "the chat template cannot render the messages: " + e.getMessage());
        }
        return new EncodedPrompt(text, tokenizer.encode(text, false));
    }

    @Override
    public EncodedPrompt text(String prompt) {
        return new EncodedPrompt(prompt, tokenizer.encode(prompt, true));
    }

    @Override
    public EncodedPrompt tokens(int[] tokenIds) {
        for (int id : tokenIds) {
            if (id < 0 || id >= tokenizer.vocabularySize()) {
                throw new RequestRejectedException(
                        INVALID,
                        "prompt",
                        "token id "
                                + id
                                + " is outside the vocabulary of "
                                + tokenizer.vocabularySize());
            }
        }
        return new EncodedPrompt(tokenizer.decode(tokenIds, false), tokenIds.clone());
    }

    /** Frees the tokenizer. */
    @Override
    public void close() {
        tokenizer.close();
    }
}
