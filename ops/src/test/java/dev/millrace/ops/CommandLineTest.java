package dev.millrace.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.util.Set;

class CommandLineTest {
    @Test
    void everyCommandIsFoundByItsOwnName() {
        CommandLine line = Millrace.commandLine();
        assertTrue(line.getSubcommands().size() > 20);
        for (String name : line.getSubcommands().keySet()) {
            CommandLine alone = Millrace.commandLine(name).getSubcommands().get(name);
            assertEquals(name, alone.getCommandName());
        }
    }

    @Test
    void aCommandIsReadAlone() {
        CommandLine line = Millrace.commandLine("demo", "--help");
        assertEquals(Set.of("demo"), line.getSubcommands().keySet());
    }

    @Test
    void whatTellsOfOthersHasThemAll() {
        Set<String> all = Millrace.commandLine().getSubcommands().keySet();
        for (String first : new String[] {"help", "generate-completion", "--help", "submti"}) {
            assertEquals(all, Millrace.commandLine(first).getSubcommands().keySet(), first);
        }
    }
}
