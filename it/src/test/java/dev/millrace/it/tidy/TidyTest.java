package dev.millrace.it.tidy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.Repository;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The house rules as a test: limits of STYLE.md, the direction of dependencies, the layout. */
class TidyTest {
    private static final Path ROOT = Repository.root();
    private static final List<String> MODULES =
            List.of("schemas", "ingest", "gpu-engine", "inference-worker", "sink", "ops", "it");

    @Test
    void everySourceFileKeepsTheHouseRules() throws IOException {
        List<String> complaints = new ArrayList<>();
        int files = 0;
        for (Path path : javaFiles()) {
            files++;
            String name = ROOT.relativize(path).toString();
            complaints.addAll(HouseRules.complaints(JavaFile.parse(name, Files.readString(path))));
        }
        assertTrue(files > 100, "found only " + files + " source files under " + ROOT);
        assertEquals(
                List.of(),
                complaints,
                () -> complaints.size() + " complaints:\n" + String.join("\n", complaints));
    }

    @Test
    void theRulesCatchWhatTheyForbid() {
        String longMethod =
                "void m(int a, int b, int c, int d, int e, int f, int g) {\n"
                        + "int x;\n".repeat(60)
                        + "}\n";
        String text =
                "package p;\nimport java.util.*;\nclass C {\n"
                        + longMethod
                        + "// "
                        + "x".repeat(120)
                        + "\nvoid s() { Thread.sl"
                        + "eep(1); System.exit(1); }\n"
                        + "\n".repeat(400)
                        + "}\n";
        List<String> complaints =
                HouseRules.complaints(JavaFile.parse("gpu-engine/src/main/java/p/C.java", text));
        for (String expected :
                List.of(
                        "lines, at most 400",
                        "m has 62 lines",
                        "m has 7 parameters",
                        "characters, at most",
                        "import what is used",
                        "wait for progress",
                        "only the command line")) {
            assertTrue(
                    complaints.stream().anyMatch(c -> c.contains(expected)),
                    expected + " not among " + complaints);
        }
    }

    @Test
    void theModulesAreTheOnesOfTheHouse() throws IOException {
        Set<String> folders = new TreeSet<>();
        try (Stream<Path> list = Files.list(ROOT)) {
            list.filter(p -> Files.exists(p.resolve("pom.xml")))
                    .forEach(p -> folders.add(p.getFileName().toString()));
        }
        assertEquals(new TreeSet<>(MODULES), folders);
    }

    @Test
    void dependenciesPointDownTheRiver() throws IOException {
        assertEquals(Set.of(), ownDependencies("schemas"));
        assertEquals(Set.of(), ownDependencies("gpu-engine"));
        assertEquals(Set.of("schemas"), ownDependencies("ingest"));
        assertEquals(Set.of("schemas", "gpu-engine"), ownDependencies("inference-worker"));
        assertEquals(Set.of("schemas"), ownDependencies("sink"));
        for (Path path : javaFiles()) {
            if (path.startsWith(ROOT.resolve("gpu-engine"))) {
                assertFalse(
                        Files.readString(path).contains("org.apache.kafka"), path + " knows Kafka");
            }
        }
    }

    private static Set<String> ownDependencies(String module) throws IOException {
        Pattern own =
                Pattern.compile(
                        "<groupId>dev\\.millrace</groupId><artifactId>([a-z-]+)</artifactId>");
        Matcher matcher = own.matcher(Files.readString(ROOT.resolve(module).resolve("pom.xml")));
        Set<String> names = new TreeSet<>();
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        names.remove("millrace");
        return names;
    }

    private static List<Path> javaFiles() throws IOException {
        List<Path> files = new ArrayList<>();
        for (String module : MODULES) {
            try (Stream<Path> walk = Files.walk(ROOT.resolve(module).resolve("src"))) {
                walk.filter(p -> p.toString().endsWith(".java")).sorted().forEach(files::add);
            }
        }
        return files;
    }
}
