package dev.millrace.engine.api;

import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder;

/**
 * A model ready to answer.
 *
 * @param name the name it is served under
 * @param fingerprint hash of config and weights, to tell answers apart by checkpoint
 * @param prompts messages or text to token ids
 * @param defaults sampling values that a request leaves open
 * @param maxModelLen most tokens of prompt and output together
 */
public record LoadedModel(
        String name,
        String fingerprint,
        Engine engine,
        PromptEncoder prompts,
        GenerationDefaults defaults,
        int maxModelLen) {}
