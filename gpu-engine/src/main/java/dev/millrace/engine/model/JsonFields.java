package dev.millrace.engine.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * A JSON object of a checkpoint, read field by field; every complaint names the file and the field.
 */
final class JsonFields {
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

    private final String source;
    private final String prefix;
    private final JsonNode object;

    private JsonFields(String source, String prefix, JsonNode object) {
        this.source = source;
        this.prefix = prefix;
        this.object = object;
    }

    /**
     * @throws ModelLoadException if the file is not there or holds no JSON object
     */
    static JsonFields read(Path file) {
        try {
            return parse(file.toString(), Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new ModelLoadException(file + ": no such file", e);
        } catch (IOException e) {
            throw new ModelLoadException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * @param source what to call the text in messages
     */
    static JsonFields parse(String source, byte[] text) {
        try {
            JsonNode node = JSON.readTree(text);
            if (!node.isObject()) {
                throw new ModelLoadException(source + ": must hold a JSON object");
            }
            return new JsonFields(source, "", node);
        } catch (JsonProcessingException e) {
            throw new ModelLoadException(
                    source
                            + ": line "
                            + e.getLocation().getLineNr()
                            + ": not valid JSON: "
                            + e.getOriginalMessage(),
                    e);
        } catch (IOException e) {
            throw new ModelLoadException(source + ": cannot be read: " + e.getMessage(), e);
        }
    }

    List<String> names() {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** Whether the field is there and not null. */
    boolean has(String name) {
        return object.hasNonNull(name);
    }

    /** Whether the field is there, be it null. */
    boolean mentions(String name) {
        return object.has(name);
    }

    int positiveInt(String name) {
        return required(name, "a positive integer", node -> isInt(node) && node.intValue() > 0)
                .intValue();
    }

    int positiveInt(String name, int otherwise) {
        return has(name) ? positiveInt(name) : otherwise;
    }

    /** A whole number that is not negative. */
    int count(String name, int otherwise) {
        return has(name)
                ? required(name, "a whole number", node -> isInt(node) && node.intValue() >= 0)
                        .intValue()
                : otherwise;
    }

    double number(String name) {
        return required(name, "a number", JsonNode::isNumber).doubleValue();
    }

    double number(String name, double otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    boolean flag(String name, boolean otherwise) {
        return has(name)
                ? required(name, "true or false", JsonNode::isBoolean).booleanValue()
                : otherwise;
    }

    String text(String name) {
        return required(name, "a string", JsonNode::isTextual).textValue();
    }

    String text(String name, String otherwise) {
        return has(name) ? text(name) : otherwise;
    }

    /** An array of texts; empty where there is none. */
    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        if (has(name)) {
            required(name, "an array of strings", node -> isArrayOf(node, JsonNode::isTextual))
                    .forEach(node -> texts.add(node.textValue()));
        }
        return texts;
    }

    /** An array of integers, or one alone; empty where there is none. */
    int[] ints(String name) {
        if (!has(name)) {
            return new int[0];
        }
        JsonNode node =
                required(
                        name,
                        "an integer or an array of integers",
                        value -> isInt(value) || isArrayOf(value, JsonFields::isInt));
        if (!node.isArray()) {
            return new int[] {node.intValue()};
        }
        int[] values = new int[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).intValue();
        }
        return values;
    }

    /** An array of whole numbers that are not negative. */
    long[] sizes(String name) {
        JsonNode node =
                required(
                        name,
                        "an array of sizes",
                        value ->
                                isArrayOf(
                                        value,
                                        item ->
                                                item.isIntegralNumber()
                                                        && item.canConvertToLong()
                                                        && item.longValue() >= 0));
        long[] values = new long[node.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = node.get(i).longValue();
        }
        return values;
    }

    JsonFields object(String name) {
        return new JsonFields(
                source, prefix + name + ".", required(name, "an object", JsonNode::isObject));
    }

    /** What is wrong with a field. */
    ModelLoadException problem(String name, String what) {
        return new ModelLoadException(source + ": field " + prefix + name + " " + what);
    }

    private JsonNode required(String name, String kind, Predicate<JsonNode> holds) {
        JsonNode node = object.get(name);
        if (node == null) {
            throw problem(name, "is missing; it must be " + kind);
        }
        if (!holds.test(node)) {
            throw problem(name, "must be " + kind + ", not " + abbreviated(node.toString()));
        }
        return node;
    }

    private static boolean isInt(JsonNode node) {
        return node.isIntegralNumber() && node.canConvertToInt();
    }

    private static boolean isArrayOf(JsonNode node, Predicate<JsonNode> kind) {
        if (!node.isArray()) {
            return false;
        }
        for (JsonNode item : node) {
            if (!kind.test(item)) {
                return false;
            }
        }
        return true;
    }

    private static String abbreviated(String text) {
        return text.length() <= 60 ? text : text.substring(0, 60) + "…";
    }
}
