package dev.millrace.it.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.it.Repository;
import dev.millrace.ops.Millrace;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import org.yaml.snakeyaml.Yaml;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** The chart as helm itself lints and renders it. */
@SuppressWarnings("unchecked") // What a YAML parser gives has no types.
class HelmChartTest {
    private static final Path CHART = Repository.root().resolve("ops/deploy/helm/millrace");
    private static final String KUBERNETES = "1.30.0";
    private static final String MISSING =
            "NOT TESTED: no helm on the PATH (go install helm.sh/helm/v3/cmd/helm@latest)";

    /** Everything that the chart can leave out or do otherwise. */
    private static final List<String> OTHER_VALUES =
            List.of(
                    "kafka.clientPropertiesSecret=client", "gateway.enabled=true", "keda.enabled=false",
                    "worker.model=/models/m", "worker.modelClaim=models", "worker.device=cuda",
                    "worker.nodeSelector.gpu=h100", "worker.tolerations[0].key=gpu", "pool=gpu",
                    "worker.terminationGracePeriodSeconds=20", "worker.maxReplicas=3");

    @TempDir Path dir;

    @BeforeEach
    void requireHelm() {
        boolean there =
                List.of(System.getenv("PATH").split(":")).stream()
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "helm")));
        if (!there) {
            LoggerFactory.getLogger(HelmChartTest.class).warn(MISSING);
        }
        assumeTrue(there, MISSING);
    }

    @Test
    void helmFindsNothingWrongAndWouldFindIt() throws Exception {
        for (List<String> values : List.of(List.<String>of(), OTHER_VALUES)) {
            assertEquals(0, helm("lint", CHART, values), this::said);
        }
        Path broken = copy();
        Path ops = broken.resolve("templates/ops.yaml");
        Files.writeString(ops, Files.readString(ops).replace("Values.pool", "Values.nothing.there"));
        assertNotEquals(0, helm("lint", broken, List.of()), "a value that is not there is accepted");
    }

    @Test
    void byDefaultWorkersAreScaledByLagAndThereIsNoGateway() throws Exception {
        List<Map<String, Object>> objects = rendered(List.of());
        assertEquals(
                Set.of("Deployment r-ops", "Job r-topics", "ScaledObject r-worker", "Service r-ingest",
                        "Service r-ops", "Service r-sink", "Service r-worker", "StatefulSet r-ingest",
                        "StatefulSet r-sink", "StatefulSet r-worker"),
                names(objects));
        assertTrue(spec(objects, "StatefulSet r-worker").get("replicas") == null, "who scales it?");
        Map<String, Object> scaling = spec(objects, "ScaledObject r-worker");
        assertEquals("r-worker", ((Map<String, Object>) scaling.get("scaleTargetRef")).get("name"));
        assertEquals(5, checkContainers(objects));
    }

    @Test
    void everythingThatCanBeChosenIsRendered() throws Exception {
        List<Map<String, Object>> objects = rendered(OTHER_VALUES);
        assertTrue(names(objects).contains("StatefulSet r-gateway"), names(objects)::toString);
        assertTrue(!names(objects).contains("ScaledObject r-worker"), names(objects)::toString);
        assertEquals(3, spec(objects, "StatefulSet r-worker").get("replicas"));
        Map<String, Object> worker = pod(objects, "StatefulSet r-worker");
        assertEquals(Map.of("gpu", "h100"), worker.get("nodeSelector"));
        List<String> args = args(container(worker));
        int drain = Integer.parseInt(args.get(args.indexOf("--drain-timeout") + 1));
        assertTrue(drain >= 1 && drain < 20, "drains for " + drain + " s");
        assertEquals(6, checkContainers(objects));
    }

    /** Commands are understood, and what is mounted is there; how many containers there were. */
    private static int checkContainers(List<Map<String, Object>> objects) {
        int checked = 0;
        for (String name : names(objects)) {
            Map<String, Object> spec = spec(objects, name);
            if (!spec.containsKey("template")) {
                continue;
            }
            Map<String, Object> pod = pod(objects, name);
            Map<String, Object> container = container(pod);
            List<String> args = args(container);
            Millrace.commandLine().parseArgs(args.toArray(new String[0]));
            String image = (String) container.get("image");
            assertTrue(image.contains("/" + args.getFirst() + ":"), image + " runs " + args);
            Set<Object> volumes = new HashSet<>();
            list(pod, "volumes").forEach(volume -> volumes.add(volume.get("name")));
            for (Map<String, Object> claim : list(spec, "volumeClaimTemplates")) {
                volumes.add(((Map<String, Object>) claim.get("metadata")).get("name"));
            }
            Set<Object> mounts = new HashSet<>();
            list(container, "volumeMounts").forEach(mount -> mounts.add(mount.get("name")));
            assertEquals(volumes, mounts, name);
            Map<String, Object> security = (Map<String, Object>) container.get("securityContext");
            assertEquals(false, security.get("allowPrivilegeEscalation"), name);
            checked++;
        }
        return checked;
    }

    private static List<Map<String, Object>> list(Map<String, Object> from, String name) {
        return (List<Map<String, Object>>) from.getOrDefault(name, List.of());
    }

    private static Set<String> names(List<Map<String, Object>> objects) {
        Set<String> names = new TreeSet<>();
        objects.forEach(object -> names.add(name(object)));
        return names;
    }

    private static String name(Map<String, Object> object) {
        return object.get("kind") + " " + ((Map<String, Object>) object.get("metadata")).get("name");
    }

    private static Map<String, Object> spec(List<Map<String, Object>> objects, String name) {
        return objects.stream()
                .filter(object -> name(object).equals(name))
                .map(object -> (Map<String, Object>) object.get("spec"))
                .findFirst()
                .orElseThrow();
    }

    private static Map<String, Object> pod(List<Map<String, Object>> objects, String name) {
        Map<String, Object> template = (Map<String, Object>) spec(objects, name).get("template");
        return (Map<String, Object>) template.get("spec");
    }

    private static Map<String, Object> container(Map<String, Object> pod) {
        return list(pod, "containers").getFirst();
    }

    private static List<String> args(Map<String, Object> container) {
        return (List<String>) container.get("args");
    }

    private List<Map<String, Object>> rendered(List<String> values) throws Exception {
        assertEquals(0, helm("template", CHART, values), this::said);
        List<Map<String, Object>> objects = new ArrayList<>();
        for (Object object : new Yaml().loadAll(said())) {
            if (object != null) {
                objects.add((Map<String, Object>) object);
            }
        }
        return objects;
    }

    private int helm(String verb, Path chart, List<String> values) throws Exception {
        List<String> command = new ArrayList<>(List.of("helm", verb));
        command.addAll(verb.equals("template") ? List.of("r", chart.toString()) : List.of(chart.toString()));
        command.addAll(List.of("--kube-version", KUBERNETES));
        values.forEach(value -> command.addAll(List.of("--set", value)));
        Process process =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(dir.resolve("said.txt").toFile())
                        .start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "no end: " + command);
        return process.exitValue();
    }

    private String said() {
        try {
            return Files.readString(dir.resolve("said.txt"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Path copy() throws IOException {
        Path copy = Files.createDirectories(dir.resolve("millrace"));
        try (var walk = Files.walk(CHART)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                Path to = copy.resolve(CHART.relativize(file).toString());
                Files.createDirectories(to.getParent());
                Files.copy(file, to);
            }
        }
        return copy;
    }
}
