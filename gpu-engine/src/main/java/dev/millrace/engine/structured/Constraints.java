package dev.millrace.engine.structured;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.TextConstraint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Makes constraints into automata over a model's tokens; a constraint that comes again is the same
 * automaton. One per engine, used by its thread; owns the helper thread that walks the vocabulary.
 */
public final class Constraints implements AutoCloseable {
    private static final int GRAMMARS_MAX = 256;
    private static final int NODES_MAX = 1_000_000;
    private static final int TEXT_MAX = 1_000_000;
    private static final int CHOICES_MAX = 10_000;

    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    private final Vocabulary vocabulary;
    private final int vocabSize;
    private final int[] eosTokenIds;
    private ExecutorService helper;
    private CompletableFuture<TokenTrie> trie;
    private Automaton automaton;

    /** Start states by constraint, of this generation. */
    private final Map<TextConstraint, Node> starts = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * @param vocabulary null where tokens have no text
     * @param vocabSize the model's
     */
    public Constraints(Vocabulary vocabulary, int vocabSize, int[] eosTokenIds) {
        this.vocabulary = vocabulary;
        this.vocabSize = vocabSize;
        this.eosTokenIds = eosTokenIds;
    }

    /**
     * A text that is to be generated under a constraint.
     *
     * @throws RequestRejectedException if the constraint cannot be met; names field and place
     */
    public ConstrainedText begin(TextConstraint constraint) {
        if (vocabulary == null || eosTokenIds.length == 0) {
            throw reject(
                    constraint,
                    "",
                    "needs a tokenizer and an end-of-sequence token, which this model lacks");
        }
        prepare();
        Node start = starts.get(constraint);
        if (start == null) {
            start = read(constraint);
            if (starts.size() == GRAMMARS_MAX) {
                starts.remove(starts.keySet().iterator().next());
            }
            starts.put(constraint, start);
        }
        return new ConstrainedText(this, automaton, start);
    }

    boolean isEos(int token) {
        for (int id : eosTokenIds) {
            if (id == token) {
                return true;
            }
        }
        return false;
    }

    private void prepare() {
        if (helper == null) {
            helper =
                    Executors.newSingleThreadExecutor(
                            Thread.ofPlatform().daemon().name("token-masks").factory());
            // Seconds for a million tokens: the first constrained text waits for it, the steps of the
            // others go on.
            trie =
                    CompletableFuture.supplyAsync(
                            () -> new TokenTrie(vocabulary, vocabSize), helper);
        }
        if (automaton == null || automaton.nodes.size() > NODES_MAX) {
            automaton = new Automaton(vocabulary, trie, vocabSize, eosTokenIds, helper);
            starts.clear();
        }
    }

    private Node read(TextConstraint constraint) {
        Nodes nodes = automaton.nodes;
        try {
            if (constraint.text().length() > TEXT_MAX) {
                throw new ConstraintException("", "has more than " + TEXT_MAX + " characters");
            }
            Node node =
                    switch (constraint.kind()) {
                        case JSON_OBJECT -> automaton.json.object;
                        case JSON_SCHEMA ->
                                SchemaReader.read(automaton.json, json(constraint.text()));
                        case REGEX ->
                                RegexParser.whole(
                                        nodes, Characters.plain(nodes), constraint.text());
                        case CHOICE -> choice(nodes, json(constraint.text()));
                    };
            if (node == nodes.never) {
                throw new ConstraintException("", "allows no text");
            }
            return vocabulary.stripsFirstSpace() ? nodes.sequence(nodes.text(" "), node) : node;
        } catch (ConstraintException e) {
            throw reject(constraint, e.at(), e.getMessage());
        }
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new ConstraintException("", "is no JSON: " + e.getOriginalMessage());
        }
    }

    private static Node choice(Nodes nodes, JsonNode list) {
        if (!list.isArray() || list.isEmpty() || list.size() > CHOICES_MAX) {
            throw new ConstraintException("", "must be a list of 1 to " + CHOICES_MAX + " strings");
        }
        List<Node> options = new ArrayList<>();
        for (JsonNode option : list) {
            if (!option.isTextual() || option.textValue().isEmpty()) {
                throw new ConstraintException("", "must hold strings that are not empty");
            }
            options.add(nodes.text(option.textValue()));
        }
        return nodes.choice(options);
    }

    private static RequestRejectedException reject(
            TextConstraint constraint, String at, String message) {
        String place = at.isEmpty() ? "" : " at " + at;
        return new RequestRejectedException(
                "invalid_request", constraint.field(), constraint.field() + place + " " + message);
    }

    @Override
    public void close() {
        if (helper != null) {
            helper.shutdownNow();
        }
    }
}
