package dev.millrace.ingest.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.schemas.ChatMessage;

import java.util.ArrayList;
import java.util.List;

/** Reads {@code body.messages}. Roles are the chat template's matter: any name passes. */
final class MessageReader {
    private MessageReader() {}

    static List<ChatMessage> readAll(JsonField messages) {
        List<JsonField> items = messages.items();
        if (items.isEmpty()) {
            throw messages.wrongValue("must hold at least one message", "an empty list");
        }
        List<ChatMessage> read = new ArrayList<>(items.size());
        for (JsonField item : items) {
            read.add(read(item));
        }
        return read;
    }

    private static ChatMessage read(JsonField message) {
        message.object();
        JsonField role = message.member("role");
        if (role.value() == null) {
            throw new FieldException(ErrorCodes.MISSING, role.path(), role.path() + " is missing");
        }
        ObjectNode extra = JsonNodeFactory.instance.objectNode();
        for (var member : message.value().properties()) {
            if (!member.getKey().equals("role") && !member.getKey().equals("content")) {
                extra.set(member.getKey(), member.getValue());
            }
        }
        JsonNode given = message.value().get("content");
        if (given != null && given.isNull()) {
            // A template can tell a null from an absent member.
            extra.set("content", given);
        }
        String content = content(message.member("content"), extra);
        return new ChatMessage(
                role.nonEmptyText(), content, extra.isEmpty() ? null : extra.toString());
    }

    /**
     * The content where it is plain text; a list of parts goes into {@code extra} and stays a list
     * for the template.
     */
    private static String content(JsonField content, ObjectNode extra) {
        JsonNode value = content.value();
        if (value == null || value.isNull()) {
            return null;
        }
        if (value.isTextual()) {
            return value.textValue();
        }
        if (!value.isArray()) {
            throw content.wrongType("a string, a list of parts or null");
        }
        for (JsonField part : content.items()) {
            checkPart(part.object());
        }
        extra.set("content", value);
        return null;
    }

    private static void checkPart(JsonField part) {
        JsonField type = part.member("type");
        if (type.value() == null) {
            throw new FieldException(ErrorCodes.MISSING, type.path(), type.path() + " is missing");
        }
        if (!type.text().equals("text")) {
            throw new FieldException(
                    ErrorCodes.UNSUPPORTED_VALUE,
                    type.path(),
                    type.path()
                            + " "
                            + type.shown()
                            + " is not supported: the models here read text only");
        }
        JsonField text = part.member("text");
        if (text.value() == null) {
            throw new FieldException(ErrorCodes.MISSING, text.path(), text.path() + " is missing");
        }
        text.text();
    }
}
