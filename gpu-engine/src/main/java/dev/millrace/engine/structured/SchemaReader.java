package dev.millrace.engine.structured;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * JSON Schema (draft 2020-12, the keywords of OpenAI's structured outputs) as a grammar of JSON
 * texts that are valid under it. Properties come in the order of the schema; of an object whose
 * schema allows more of them than it names, only the named ones are written. Any other keyword is
 * refused by its name and JSON pointer.
 */
final class SchemaReader {
    private static final int DEPTH_MAX = 64;
    private static final int PROPERTIES_MAX = 5000;
    private static final int ENUM_VALUES_MAX = 1000;

    private final JsonText json;
    private final Nodes nodes;
    private final JsonNode root;
    private final ScalarReader scalars;

    /** By pointer: what {@code $ref} points to, each read once. */
    private final Map<String, Rule> rules = new LinkedHashMap<>();

    private final List<String> unread = new ArrayList<>();
    private int depth;
    private int numProperties;
    private int numEnumValues;

    private SchemaReader(JsonText json, JsonNode root) {
        this.json = json;
        this.nodes = json.nodes;
        this.root = root;
        scalars = new ScalarReader(json);
    }

    /**
     * @throws ConstraintException naming keyword and JSON pointer
     */
    static Node read(JsonText json, JsonNode schema) {
        SchemaReader reader = new SchemaReader(json, schema);
        Node node = reader.schema(schema, "");
        while (!reader.unread.isEmpty()) {
            String pointer = reader.unread.removeLast();
            Rule rule = reader.rules.get(pointer);
            rule.define(reader.schema(reader.root.at(pointer), pointer));
        }
        RuleCheck.check(node, reader.rules.values());
        return node;
    }

    private Node schema(JsonNode schema, String at) {
        if (schema.isBoolean()) {
            if (!schema.booleanValue()) {
                throw new ConstraintException(at, "is false: no value is valid");
            }
            return json.value;
        }
        if (!schema.isObject()) {
            throw new ConstraintException(at, "must be an object or true, not " + shown(schema));
        }
        for (Map.Entry<String, JsonNode> member : schema.properties()) {
            if (!SchemaKeywords.knows(member.getKey())) {
                throw new ConstraintException(
                        at + "/" + escaped(member.getKey()),
                        "is a keyword that is not supported");
            }
        }
        if (++depth > DEPTH_MAX) {
            throw new ConstraintException(at, "is nested deeper than " + DEPTH_MAX);
        }
        Node node = known(schema, at);
        depth--;
        return node;
    }

    private Node known(JsonNode schema, String at) {
        for (String keyword : SchemaKeywords.ALONE) {
            if (schema.has(keyword)) {
                refuseBeside(schema, keyword, Set.of(), at);
                return keyword.equals("$ref")
                        ? reference(schema.get(keyword), at + "/$ref")
                        : anyOf(schema.get(keyword), at + "/anyOf");
            }
        }
        Set<String> types = types(schema, at);
        for (String keyword : SchemaKeywords.VALUES) {
            if (schema.has(keyword)) {
                refuseBeside(schema, keyword, Set.of("type"), at);
                return literals(schema.get(keyword), keyword, types, at + "/" + keyword);
            }
        }
        if (types == null) {
            return json.value;
        }
        List<Node> options = new ArrayList<>();
        for (String type : types) {
            options.add(ofType(type, schema, at));
        }
        return nodes.choice(options);
    }

    private Node ofType(String type, JsonNode schema, String at) {
        return switch (type) {
            case "object" -> object(schema, at);
            case "array" -> array(schema, at);
            case "string" -> scalars.string(schema, at);
            case "number" -> scalars.number(schema, at, false);
            case "integer" -> scalars.number(schema, at, true);
            case "boolean" -> nodes.choice(nodes.text("true"), nodes.text("false"));
            default -> nodes.text("null");
        };
    }

    /**
     * The types that are written: those of {@code type}, else those that other keywords are about;
     * null for any.
     */
    private static Set<String> types(JsonNode schema, String at) {
        JsonNode type = schema.get("type");
        Set<String> types = new LinkedHashSet<>();
        if (type == null) {
            for (Map.Entry<String, JsonNode> member : schema.properties()) {
                String about = SchemaKeywords.OF_TYPE.get(member.getKey());
                if (about != null) {
                    types.add(about);
                }
            }
            return types.isEmpty() ? null : types;
        }
        for (JsonNode name : type.isArray() ? type : List.of(type)) {
            if (!name.isTextual() || !SchemaKeywords.TYPES.contains(name.textValue())) {
                throw new ConstraintException(at + "/type", "holds no type: " + shown(name));
            }
            types.add(name.textValue());
        }
        if (types.isEmpty()) {
            throw new ConstraintException(at + "/type", "is empty");
        }
        return types;
    }

    private Node anyOf(JsonNode options, String at) {
        if (!options.isArray() || options.isEmpty()) {
            throw new ConstraintException(at, "must be a list of at least one schema");
        }
        List<Node> read = new ArrayList<>();
        for (int i = 0; i < options.size(); i++) {
            read.add(schema(options.get(i), at + "/" + i));
        }
        return nodes.choice(read);
    }

    private Node reference(JsonNode target, String at) {
        String text = target.isTextual() ? target.textValue() : "";
        if (!text.equals("#") && !text.startsWith("#/")) {
            throw new ConstraintException(
                    at, "must point into this schema (# or #/…), not " + shown(target));
        }
        String pointer = text.substring(1);
        if (root.at(pointer).isMissingNode()) {
            throw new ConstraintException(at, "points to " + text + ", which does not exist");
        }
        Rule rule =
                rules.computeIfAbsent(
                        pointer,
                        p -> {
                            unread.add(p);
                            return new Rule(p);
                        });
        return nodes.rule(rule);
    }

    private Node literals(JsonNode given, String keyword, Set<String> types, String at) {
        boolean isEnum = keyword.equals("enum");
        if (isEnum && !given.isArray()) {
            throw new ConstraintException(at, "must be a list, not " + shown(given));
        }
        numEnumValues += isEnum ? given.size() : 1;
        if (numEnumValues > ENUM_VALUES_MAX) {
            throw new ConstraintException(
                    at, "makes more than " + ENUM_VALUES_MAX + " values of enum and const in all");
        }
        List<Node> options = new ArrayList<>();
        for (JsonNode value : isEnum ? given : List.of(given)) {
            if (types == null || types.stream().anyMatch(type -> isOfType(value, type))) {
                options.add(nodes.unit(nodes.text(value.toString())));
            }
        }
        if (options.isEmpty()) {
            throw new ConstraintException(at, "holds no value of the type asked for");
        }
        return nodes.choice(options);
    }

    private static boolean isOfType(JsonNode value, String type) {
        return switch (type) {
            case "object" -> value.isObject();
            case "array" -> value.isArray();
            case "string" -> value.isTextual();
            case "number" -> value.isNumber();
            case "integer" -> value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
            case "boolean" -> value.isBoolean();
            default -> value.isNull();
        };
    }

    private Node array(JsonNode schema, String at) {
        int min = ScalarReader.count(schema, "minItems", 0, at);
        int max = ScalarReader.count(schema, "maxItems", Node.UNBOUNDED, at);
        if (max < min) {
            throw new ConstraintException(at + "/maxItems", "is below minItems");
        }
        Node item =
                schema.has("items") && max > 0
                        ? schema(schema.get("items"), at + "/items")
                        : json.value;
        return json.braces('[', item, min, max);
    }

    private Node object(JsonNode schema, String at) {
        JsonNode properties = schema.path("properties");
        if (schema.has("properties") && !properties.isObject()) {
            throw new ConstraintException(at + "/properties", "must be an object");
        }
        Set<String> required = required(schema, properties, at);
        JsonNode others = schema.path("additionalProperties");
        if (properties.isEmpty()) {
            return openObject(schema, others, at);
        }
        if (others.isObject() && !others.isEmpty()) {
            throw new ConstraintException(
                    at + "/additionalProperties",
                    "is a schema beside properties, which is not supported; only true and false are");
        }
        numProperties += properties.size();
        if (numProperties > PROPERTIES_MAX) {
            throw new ConstraintException(
                    at + "/properties",
                    "makes more than " + PROPERTIES_MAX + " properties in all");
        }
        return namedProperties(properties, required, at);
    }

    private static Set<String> required(JsonNode schema, JsonNode properties, String at) {
        Set<String> required = new LinkedHashSet<>();
        JsonNode names = schema.path("required");
        if (schema.has("required") && !names.isArray()) {
            throw new ConstraintException(at + "/required", "must be a list of names");
        }
        for (JsonNode name : names) {
            if (!name.isTextual() || !properties.has(name.textValue())) {
                throw new ConstraintException(
                        at + "/required", "holds " + shown(name) + ", which properties lacks");
            }
            required.add(name.textValue());
        }
        return required;
    }

    /** An object without named properties: a map from any name to one kind of value. */
    private Node openObject(JsonNode schema, JsonNode others, String at) {
        boolean isClosed = others.isBoolean() && !others.booleanValue();
        if (isClosed) {
            return nodes.text("{}");
        }
        Node value =
                others.isMissingNode() ? json.value : schema(others, at + "/additionalProperties");
        Node member = nodes.sequence(json.string, json.literal(':'), json.space, value);
        return schema.isEmpty() ? json.object : json.braces('{', member, 0, Node.UNBOUNDED);
    }

    /**
     * Built from the last property to the first, twice: for the case that one has been written
     * before, which takes a comma, and for the case that none has.
     */
    private Node namedProperties(JsonNode properties, Set<String> required, String at) {
        List<Map.Entry<String, JsonNode>> members = new ArrayList<>(properties.properties());
        Node close = nodes.sequence(json.gap, json.literal('}'));
        Node afterOne = close;
        Node afterNone = json.literal('}');
        for (int i = members.size() - 1; i >= 0; i--) {
            String name = members.get(i).getKey();
            Node value =
                    schema(members.get(i).getValue(), at + "/properties/" + escaped(name));
            Node member =
                    nodes.sequence(
                            nodes.text(ScalarReader.quoted(name)),
                            json.literal(':'),
                            json.space,
                            value);
            Node withComma = nodes.sequence(json.literal(','), json.gap, member, afterOne);
            Node first = nodes.sequence(json.gap, member, afterOne);
            boolean isRequired = required.contains(name);
            afterOne = isRequired ? withComma : nodes.choice(withComma, afterOne);
            afterNone = isRequired ? first : nodes.choice(first, afterNone);
        }
        return nodes.sequence(json.literal('{'), afterNone);
    }

    private static void refuseBeside(
            JsonNode schema, String keyword, Set<String> allowed, String at) {
        for (Map.Entry<String, JsonNode> member : schema.properties()) {
            String other = member.getKey();
            if (!other.equals(keyword)
                    && !allowed.contains(other)
                    && !SchemaKeywords.ANNOTATIONS.contains(other)) {
                throw new ConstraintException(
                        at + "/" + other, "stands beside " + keyword + ", which is not supported");
            }
        }
    }

    private static String escaped(String name) {
        return name.replace("~", "~0").replace("/", "~1");
    }

    static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() <= 60 ? text : text.substring(0, 60) + "…";
    }
}
