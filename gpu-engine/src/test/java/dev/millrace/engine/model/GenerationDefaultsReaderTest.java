package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class GenerationDefaultsReaderTest {

    @TempDir private Path folder;

    @Test
    void readsWhatTheFileSays() throws IOException {
        write("config.json", "{'eos_token_id': 7}");
        write(
                "generation_config.json",
                "{'eos_token_id': [128001, 128008], 'do_sample': true, 'temperature': 0.6, 'top_p':"
                    + " 0.9, 'top_k': 20, 'min_p': 0.1, 'repetition_penalty': 1.05}");
        GenerationDefaults defaults = GenerationDefaultsReader.read(folder);
        assertArrayEquals(new int[] {128001, 128008}, defaults.eosTokenIds());
        assertEquals(0.6, defaults.temperature());
        assertEquals(0.9, defaults.topP());
        assertEquals(20, defaults.topK());
        assertEquals(0.1, defaults.minP());
        assertEquals(1.05, defaults.repetitionPenalty());
    }

    @Test
    void whatTheFileDoesNotSayIsOpen() throws IOException {
        write("config.json", "{'eos_token_id': 7}");
        assertArrayEquals(
                new int[] {7},
                GenerationDefaultsReader.read(folder).eosTokenIds(),
                "no generation_config.json");
        write("generation_config.json", "{'temperature': null}");
        GenerationDefaults defaults = GenerationDefaultsReader.read(folder);
        assertArrayEquals(new int[] {7}, defaults.eosTokenIds());
        assertNull(defaults.temperature());
        assertNull(defaults.topK());
    }

    @Test
    void refusesWrongTypes() throws IOException {
        write("config.json", "{}");
        write("generation_config.json", "{'temperature': 'hot'}");
        assertEquals(
                folder.resolve("generation_config.json")
                        + ": field temperature must be a number, not \"hot\"",
                assertThrows(ModelLoadException.class, () -> GenerationDefaultsReader.read(folder))
                        .getMessage());
    }

    private void write(String name, String json) throws IOException {
        Files.writeString(folder.resolve(name), json.replace('\'', '"'));
    }
}
