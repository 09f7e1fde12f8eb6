package dev.millrace.engine.tokenizer;

import java.util.List;
import java.util.Map;

/** Turns what a request says into what the model is given. */
public interface PromptEncoder {

    /** @param text what the model sees, special tokens included */
    record EncodedPrompt(String text, int[] tokenIds) {}

    /**
     * Renders the chat template and tokenizes the result without adding special tokens again.
     *
     * @param messages JSON values: maps of role, content and whatever else the template knows
     * @param tools JSON values, or null
     * @param variables further variables of the template (chat_template_kwargs)
     * @throws dev.millrace.engine.api.RequestRejectedException when the template refuses the messages
     */
    EncodedPrompt chat(List<Map<String, Object>> messages, List<Object> tools, Map<String, Object> variables);

    /** Tokenizes plain text, with the special tokens that the tokenizer adds by itself. */
    EncodedPrompt text(String prompt);

    /** Text of given token ids; refuses ids outside the vocabulary, naming them. */
    EncodedPrompt tokens(int[] tokenIds);
}
