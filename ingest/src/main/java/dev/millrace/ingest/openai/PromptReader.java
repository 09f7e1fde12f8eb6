package dev.millrace.ingest.openai;

import com.fasterxml.jackson.databind.JsonNode;

import dev.millrace.schemas.PromptJob;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads {@code body.prompt}: a text, a list of token ids, or a list that holds exactly one of
 * these.
 */
final class PromptReader {
    private PromptReader() {}

    static void readInto(JsonField prompt, PromptJob.Builder job) {
        JsonNode value = prompt.value();
        if (value.isTextual()) {
            job.setPrompt(value.textValue());
            return;
        }
        if (!value.isArray()) {
            throw prompt.wrongType("a string or a list of token ids");
        }
        if (value.isEmpty()) {
            throw prompt.wrongValue("must hold a prompt", "an empty list");
        }
        if (!value.get(0).isTextual() && !value.get(0).isArray()) {
            job.setPromptTokenIds(tokenIds(prompt));
            return;
        }
        if (value.size() > 1) {
            throw new FieldException(
                    ErrorCodes.UNSUPPORTED_VALUE,
                    prompt.path(),
                    prompt.path()
                            + " holds "
                            + value.size()
                            + " prompts; a line is one job, so give each prompt a line of its own");
        }
        JsonField only = prompt.items().getFirst();
        if (only.value().isTextual()) {
            job.setPrompt(only.value().textValue());
        } else {
            job.setPromptTokenIds(tokenIds(only));
        }
    }

    private static List<Integer> tokenIds(JsonField list) {
        List<Integer> ids = new ArrayList<>(list.value().size());
        for (JsonField id : list.items()) {
            ids.add(id.tokenId());
        }
        if (ids.isEmpty()) {
            throw list.wrongValue("must hold at least one token id", "an empty list");
        }
        return ids;
    }
}
