package dev.millrace.engine.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jdk.incubator.vector.Vector;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Every method that takes or returns a vector is named in {@code ops/bin/hotspot.txt} as one to be
 * inlined: HotSpot leaves a large one out of its loop, and each vector is an object then.
 */
class InlinedHelpersTest {
    private static final Path CLASSES = Path.of("target/classes");
    private static final String INLINE = "inline,";

    @Test
    void everyHelperThatHandlesVectorsIsListed() throws Exception {
        List<String> inlined =
                Files.readAllLines(Path.of("../ops/bin/hotspot.txt")).stream()
                        .filter(line -> line.startsWith(INLINE))
                        .map(line -> line.substring(INLINE.length()).replaceFirst("\\(.*", ""))
                        .toList();
        List<String> helpers = helpers();
        assertTrue(helpers.contains(DoubleExp.class.getName() + "::exp"), "found: " + helpers);
        List<String> missing =
                helpers.stream()
                        .filter(helper -> !inlined.contains(helper))
                        .filter(helper -> !inlined.contains(helper.replaceFirst("::.*", "::*")))
                        .toList();
        assertEquals(List.of(), missing);
    }

    private static List<String> helpers() throws IOException, ClassNotFoundException {
        List<String> helpers = new ArrayList<>();
        try (Stream<Path> files = Files.walk(CLASSES.resolve("dev/millrace/engine"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".class")).toList()) {
                String path = CLASSES.relativize(file).toString();
                String name = path.replaceFirst("\\.class$", "").replace('/', '.');
                Class<?> type = Class.forName(name, false, InlinedHelpersTest.class.getClassLoader());
                for (Method method : type.getDeclaredMethods()) {
                    if (!method.isSynthetic() && handlesVectors(method)) {
                        helpers.add(name + "::" + method.getName());
                    }
                }
            }
        }
        return helpers.stream().distinct().sorted().toList();
    }

    private static boolean handlesVectors(Method method) {
        return Vector.class.isAssignableFrom(method.getReturnType())
                || Arrays.stream(method.getParameterTypes()).anyMatch(Vector.class::isAssignableFrom);
    }
}
