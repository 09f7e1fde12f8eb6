package dev.millrace.engine.structured;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.scheduler.TokenizerTexts;
import dev.millrace.engine.tokenizer.HfTokenizer;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/** Masks and forced tokens against the whole vocabulary of the demonstration model, one by one. */
class MaskMakerTest {
    private static final long SEED = Long.getLong("millrace.seed", 7);
    private static final int EOS = 0;
    private static final String SCHEMA =
            """
            {"type":"object","properties":{
              "name":{"type":"string"},
              "code":{"type":"string","pattern":"^[A-Z]{2}-[0-9]+ .*$"},
              "short":{"type":"string","minLength":1,"maxLength":300},
              "tags":{"type":"array","items":{"enum":["one","other"]}},
              "size":{"type":["number","null"]},
              "any":{}},
             "required":["name","code","short","size"],"additionalProperties":false}
            """;

    @Test
    void masksAreWhatEachTokenByItselfSays() throws IOException {
        try (HfTokenizer tokenizer = HfTokenizer.load(Path.of("../ops/demo/millrace-demo"))) {
            Vocabulary vocabulary = new TokenizerTexts(tokenizer).vocabulary();
            TokenTrie trie = new TokenTrie(vocabulary, vocabulary.size() + 5);
            Random random = new Random(SEED);
            int states = 0;
            for (int run = 0; run < 12; run++) {
                Automaton automaton =
                        new Automaton(
                                vocabulary,
                                CompletableFuture.completedFuture(trie),
                                trie.vocabSize,
                                new int[] {EOS},
                                Runnable::run);
                Node state = grammars(automaton).get(run % 4);
                for (int i = 0; i < 40 && state != automaton.nodes.empty; i++) {
                    List<Integer> allowed = check(automaton, vocabulary, state);
                    states++;
                    int token = allowed.get(random.nextInt(allowed.size()));
                    if (token == EOS) {
                        break;
                    }
                    state = automaton.after(state, token);
                    checkForced(automaton, vocabulary, state);
                }
            }
            assertTrue(states > 150, "states: " + states);
        }
    }

    private static List<Node> grammars(Automaton automaton) throws IOException {
        Nodes nodes = automaton.nodes;
        return List.of(
                SchemaReader.read(automaton.json, new ObjectMapper().readTree(SCHEMA)),
                automaton.json.object,
                RegexParser.whole(nodes, Characters.plain(nodes), "(.*a){3,400}b|[0-9a-z é]{3,}!"),
                nodes.choice(nodes.text("yes"), nodes.text("no"), nodes.text("yesterday")));
    }

    private static List<Integer> check(Automaton automaton, Vocabulary vocabulary, Node state) {
        long[] bits = automaton.mask(state).bits();
        List<Integer> allowed = new java.util.ArrayList<>();
        for (int id = 0; id < vocabulary.size() + 5; id++) {
            byte[] bytes = id < vocabulary.size() ? vocabulary.bytes(id) : new byte[0];
            Node node = bytes.length == 0 ? automaton.nodes.never : state;
            for (byte value : bytes) {
                node = automaton.nodes.derive(node, value & 0xff);
            }
            boolean expected =
                    node != automaton.nodes.never || id == EOS && state.isNullable;
            assertEquals(expected, (bits[id >> 6] >>> id & 1) != 0, "token " + id + ", seed " + SEED);
            if (expected) {
                allowed.add(id);
            }
        }
        assertTrue(!allowed.isEmpty(), "a dead end, seed " + SEED);
        return allowed;
    }

    /** Each forced token must be allowed, and another first byte must not be. */
    private static void checkForced(Automaton automaton, Vocabulary vocabulary, Node state) {
        Node node = state;
        for (int token : automaton.forced(state)) {
            if (token == EOS) {
                assertEquals(automaton.nodes.empty, node);
                return;
            }
            for (byte value : vocabulary.bytes(token)) {
                assertEquals(1, automaton.nodes.starts(node).size());
                node = automaton.nodes.derive(node, value & 0xff);
            }
        }
        assertTrue(node != automaton.nodes.never);
    }
}
