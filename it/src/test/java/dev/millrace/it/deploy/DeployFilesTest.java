package dev.millrace.it.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.Repository;
import dev.millrace.ops.Millrace;

import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The files for containers, as far as they can be judged without a container engine. */
class DeployFilesTest {
    private static final Path DEPLOY = Repository.root().resolve("ops/deploy");
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]*)\"");
    private static final Pattern VALUE = Pattern.compile("\\.Values((?:\\.\\w+)+)");

    @Test
    void theDockerfileKeepsTheUsualRules() throws IOException {
        List<String> lines = Files.readAllLines(DEPLOY.resolve("Dockerfile"));
        String text = String.join("\n", lines);
        for (String line : lines) {
            if (line.startsWith("FROM ")) {
                String image = line.split(" ")[1];
                assertTrue(
                        image.contains(":") ? !image.endsWith(":latest") : image.equals("base"),
                        "pin the image: " + line);
            }
            if (line.startsWith("CMD") || line.startsWith("ENTRYPOINT")) {
                assertTrue(
                        line.contains("["), "use the exec form, so that signals arrive: " + line);
            }
        }
        assertTrue(text.indexOf("\nUSER 10001") < text.indexOf("\nENTRYPOINT"), "runs as root");
        assertTrue(text.contains("--no-install-recommends"), "installs more than is needed");
        assertTrue(text.contains("rm -rf /var/lib/apt/lists"), "keeps the package lists");
        assertFalse(text.contains("\nADD "), "COPY does what is meant");
    }

    @Test
    void whatIsCopiedIntoTheImageIsThereOrBuilt() throws IOException {
        Pattern copied = Pattern.compile("(?m)^COPY --from=build .*?/src/(\\S+) /opt/millrace/\\S+$");
        String text = Files.readString(DEPLOY.resolve("Dockerfile"));
        Set<String> sources = new TreeSet<>();
        copied.matcher(text).results().forEach(found -> sources.add(found.group(1)));
        assertEquals(count(text, "(?m)^COPY --from"), sources.size(), "not understood: " + text);
        assertTrue(sources.remove("ops/target/lib"), sources.toString());
        String build = Files.readString(Repository.root().resolve("ops/pom.xml"));
        assertTrue(build.contains("${project.build.directory}/lib"), "who makes ops/target/lib?");
        for (String source : sources) {
            assertTrue(Files.exists(Repository.root().resolve(source)), "there is no " + source);
        }
        assertTrue(Files.isExecutable(Repository.root().resolve("mvnw")), "RUN ./mvnw");
    }

    @Test
    void workersAreScaledByMetricsThatExist() throws IOException {
        String documented = Files.readString(Repository.root().resolve("docs/metrics.md"));
        Matcher name =
                Pattern.compile("millrace_[a-z_]+(?=\\{)")
                        .matcher(
                                Files.readString(
                                        DEPLOY.resolve("helm/millrace/templates/scaledobject.yaml")));
        int used = 0;
        while (name.find()) {
            used++;
            assertTrue(documented.contains("| `" + name.group() + "` |"), name.group());
        }
        assertEquals(1, used, "queries with a metric");
    }

    @Test
    void everyRoleOfTheImageIsACommandThatIsUnderstood() throws IOException {
        Set<String> roles = new TreeSet<>();
        for (String line : Files.readAllLines(DEPLOY.resolve("Dockerfile"))) {
            if (line.startsWith("CMD ")) {
                List<String> words = quoted(line);
                roles.add(words.getFirst());
                assertUnderstood(words);
            }
        }
        assertEquals(Set.of("ingest", "worker", "sink", "gateway", "ops", "topics"), roles);
    }

    @Test
    @SuppressWarnings("unchecked") // What a YAML parser gives has no types.
    void theComposeFileNamesWhatIsThere() throws IOException {
        Map<String, Object> compose =
                new Yaml().load(Files.readString(DEPLOY.resolve("compose.yaml")));
        Map<String, Map<String, Object>> services =
                (Map<String, Map<String, Object>>) compose.get("services");
        String dockerfile = Files.readString(DEPLOY.resolve("Dockerfile"));
        int built = 0;
        for (Map.Entry<String, Map<String, Object>> service : services.entrySet()) {
            Map<String, Object> build = (Map<String, Object>) service.getValue().get("build");
            if (build != null) {
                built++;
                assertTrue(
                        dockerfile.contains("\nFROM base AS " + build.get("target") + "\n"),
                        "no target " + build.get("target"));
            } else {
                String image = (String) service.getValue().get("image");
                assertTrue(image.contains(":") && !image.endsWith(":latest"), "pin " + image);
            }
            List<String> command = (List<String>) service.getValue().get("command");
            if (command != null) {
                assertUnderstood(command);
            }
            Object needs = service.getValue().get("depends_on");
            if (needs instanceof Map<?, ?> others) {
                assertTrue(services.keySet().containsAll(others.keySet()), "unknown: " + others);
            }
        }
        assertEquals(6, built);
    }

    @Test
    void everyYamlFileIsOne() throws IOException {
        int files = 0;
        try (Stream<Path> walk = Files.walk(DEPLOY)) {
            for (Path file : walk.filter(f -> f.toString().matches(".*\\.ya?ml")).toList()) {
                if (!file.toString().contains("/templates/")) {
                    files++;
                    assertNotNull(new Yaml().load(Files.readString(file)), file.toString());
                }
            }
        }
        assertTrue(files >= 8, "found only " + files);
    }

    @Test
    void theChartUsesOnlyValuesThatItHasAndClosesWhatItOpens() throws IOException {
        Path chart = DEPLOY.resolve("helm/millrace");
        Map<String, Object> values =
                new Yaml().load(Files.readString(chart.resolve("values.yaml")));
        List<String> missing = new ArrayList<>();
        int used = 0;
        try (Stream<Path> list = Files.list(chart.resolve("templates"))) {
            for (Path file : list.toList()) {
                String text = Files.readString(file);
                Matcher value = VALUE.matcher(text);
                while (value.find()) {
                    used++;
                    if (!has(values, value.group(1).substring(1))) {
                        missing.add(file.getFileName() + ": .Values" + value.group(1));
                    }
                }
                long opened = count(text, "\\{\\{-? *(if|range|with|define) ");
                assertEquals(opened, count(text, "\\{\\{-? *end *-?}}"), file + ": if without end");
                assertEquals(count(text, "\\{\\{"), count(text, "}}"), file + ": braces");
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(used > 30, "found only " + used + " uses of values");
    }

    private static boolean has(Map<?, ?> values, String path) {
        Object at = values;
        for (String name : path.split("\\.")) {
            if (!(at instanceof Map<?, ?> map) || !map.containsKey(name)) {
                return false;
            }
            at = map.get(name);
        }
        return true;
    }

    private static long count(String text, String regex) {
        return Pattern.compile(regex).matcher(text).results().count();
    }

    private static void assertUnderstood(List<String> command) {
        Millrace.commandLine().parseArgs(command.toArray(new String[0]));
    }

    private static List<String> quoted(String line) {
        return QUOTED.matcher(line).results().map(found -> found.group(1)).toList();
    }
}
