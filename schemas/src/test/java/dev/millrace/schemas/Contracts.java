package dev.millrace.schemas;

import dev.millrace.schemas.registry.SchemaText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;

/** The contracts as they are now and as they were published: files of this module. */
final class Contracts {
    static final Path HISTORY = Path.of("src/main/avro-history");
    private static final Path CURRENT = Path.of("src/main/avro");

    private Contracts() {}

    /** Every schema of this module, complete with the types it uses, without Java's own notes. */
    static List<Schema> all() throws IOException {
        try (Stream<Path> files = Files.list(CURRENT)) {
            return files.map(f -> f.getFileName().toString()).filter(n -> n.endsWith(".avsc")).sorted()
                    .map(n -> generated(n.substring(0, n.length() - ".avsc".length()))).toList();
        }
    }

    /** The schemas that are the value of a topic: their doc says of which. */
    static List<Schema> ofTopics() throws IOException {
        return all().stream().filter(s -> s.getDoc() != null && s.getDoc().contains("Topic")).toList();
    }

    /** Published versions, oldest first. */
    static List<Schema> history(String name) throws IOException {
        Path folder = HISTORY.resolve(name);
        List<Schema> versions = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            for (int v = 1; Files.exists(version(name, v)); v++) {
                versions.add(SchemaText.parseKnown(Files.readString(version(name, v))));
            }
            try (Stream<Path> files = Files.list(folder)) {
                long count = files.count();
                if (count != versions.size()) {
                    throw new IllegalStateException(folder + " holds " + count + " files, of which v1..v"
                            + versions.size() + " are in sequence");
                }
            }
        }
        return versions;
    }

    static Path version(String name, int version) {
        return HISTORY.resolve(name).resolve("v" + version + ".avsc");
    }

    /** Names that have a history. */
    static List<String> historyNames() throws IOException {
        try (Stream<Path> folders = Files.list(HISTORY)) {
            return folders.map(f -> f.getFileName().toString()).sorted(Comparator.naturalOrder()).toList();
        }
    }

    private static Schema generated(String name) {
        try {
            Class<?> type = Class.forName("dev.millrace.schemas." + name);
            return SchemaText.withoutJavaProperties((Schema) type.getMethod("getClassSchema").invoke(null));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(CURRENT.resolve(name + ".avsc") + " has no generated class", e);
        }
    }
}
