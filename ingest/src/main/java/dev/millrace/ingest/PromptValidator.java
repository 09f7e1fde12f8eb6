package dev.millrace.ingest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.List;
import java.util.Set;

/**
 * Checks of a job whatever wrote it: any Avro producer may, so what {@code BatchLineParser} ensures
 * for lines is checked again here. Fields are named by their path in an OpenAI request line.
 */
final class PromptValidator {
    private static final String INVALID = "invalid_value";
    private static final String MISSING = "missing_required_parameter";

    private final Set<String> allowedModels;
    private final JsonFactory json = new JsonFactory();

    /**
     * @param allowedModels empty allows any
     */
    PromptValidator(Set<String> allowedModels) {
        this.allowedModels = allowedModels;
    }

    /** How the job ends here and now, or null when it may go on. */
    Ending check(PromptJob job, Instant now) {
        if (job.getRejection() != null) {
            return Ending.failed(job.getRejection());
        }
        Ending ending = idsProblem(job);
        if (ending == null) {
            ending =
                    job.getEndpoint() == Endpoint.CHAT_COMPLETIONS
                            ? chatProblem(job)
                            : promptProblem(job);
        }
        if (ending == null) {
            ErrorInfo error = SamplingRules.firstProblem(job.getSampling(), job.getEndpoint());
            ending = error == null ? null : Ending.failed(error);
        }
        if (ending == null && job.getDeadline() != null && !job.getDeadline().isAfter(now)) {
            ending = Ending.expired(job.getDeadline());
        }
        return ending;
    }

    private Ending idsProblem(PromptJob job) {
        if (job.getCustomId().isEmpty()) {
            return missing("custom_id");
        }
        if (job.getTenant().isEmpty()) {
            return missing("tenant");
        }
        if (job.getModel().isEmpty()) {
            return missing("body.model");
        }
        if (!allowedModels.isEmpty() && !allowedModels.contains(job.getModel())) {
            return Ending.failed(
                    "model_not_found",
                    "body.model",
                    "the model '" + job.getModel() + "' does not exist here");
        }
        return null;
    }

    private Ending chatProblem(PromptJob job) {
        if (job.getPrompt() != null || job.getPromptTokenIds() != null) {
            return invalid("body.prompt", "belongs to /v1/completions, but the job is a chat");
        }
        List<ChatMessage> messages = job.getMessages();
        if (messages.isEmpty() && job.getSharedPrefixId() == null) {
            return missing("body.messages");
        }
        for (int i = 0; i < messages.size(); i++) {
            String path = "body.messages[" + i + "]";
            if (messages.get(i).getRole().isEmpty()) {
                return missing(path + ".role");
            }
            if (messages.get(i).getExtra() != null
                    && !isJson(messages.get(i).getExtra(), JsonToken.START_OBJECT)) {
                return invalid(path, "has further members that are not one JSON object");
            }
        }
        if (job.getTools() != null && !isJson(job.getTools(), JsonToken.START_ARRAY)) {
            return invalid("body.tools", "is not a JSON array");
        }
        if (job.getChatTemplateKwargs() != null
                && !isJson(job.getChatTemplateKwargs(), JsonToken.START_OBJECT)) {
            return invalid("body.chat_template_kwargs", "is not a JSON object");
        }
        if (job.getSharedPrefixId() != null && job.getSharedPrefixId().isEmpty()) {
            return invalid("body.shared_prefix_id", "must not be empty");
        }
        return null;
    }

    private static Ending promptProblem(PromptJob job) {
        if (!job.getMessages().isEmpty()) {
            return invalid(
                    "body.messages",
                    "belongs to /v1/chat/completions, but the job is a completion");
        }
        if (job.getSharedPrefixId() != null) {
            return invalid(
                    "body.shared_prefix_id",
                    "belongs to /v1/chat/completions, but the job is a completion");
        }
        List<Integer> ids = job.getPromptTokenIds();
        if (job.getPrompt() == null && ids == null) {
            return missing("body.prompt");
        }
        if (job.getPrompt() != null && ids != null) {
            return invalid("body.prompt", "is given both as text and as token ids");
        }
        if (ids != null && ids.isEmpty()) {
            return invalid("body.prompt", "must hold at least one token id");
        }
        for (int i = 0; ids != null && i < ids.size(); i++) {
            if (ids.get(i) < 0) {
                return invalid(
                        "body.prompt[" + i + "]",
                        "must be a token id, 0 or above, not " + ids.get(i));
            }
        }
        return null;
    }

    private boolean isJson(String text, JsonToken start) {
        try (JsonParser in = json.createParser(text)) {
            if (in.nextToken() != start) {
                return false;
            }
            in.skipChildren();
            return in.nextToken() == null;
        } catch (JsonProcessingException e) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException("reading a string cannot fail", e);
        }
    }

    private static Ending missing(String param) {
        return Ending.failed(MISSING, param, param + " is missing");
    }

    private static Ending invalid(String param, String rule) {
        return Ending.failed(INVALID, param, param + " " + rule);
    }
}
