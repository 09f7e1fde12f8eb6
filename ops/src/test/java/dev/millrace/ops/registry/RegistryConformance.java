package dev.millrace.ops.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.ops.registry.RegistryProbe.Answer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What any registry with Confluent's REST API must do, over plain HTTP. Ours passes all of it; another server
 * may list the rules it is known to see differently, and each of these is then checked to be really
 * different, so that the list stays true. Every test uses subjects of its own: the server lives longer than a
 * test.
 */
public abstract class RegistryConformance {
    /** Rules on which servers are known to differ. */
    public enum Rule {
        /** A freshly made registry answers /config with BACKWARD, the rest of the suite relies on it. */
        DEFAULT_IS_BACKWARD,
        /** Soft-deleted subjects and versions are listed with deleted=true. */
        LISTS_SOFT_DELETED,
        /** Permanent deletion needs a soft deletion first: 40405 and 40407. */
        PERMANENT_NEEDS_SOFT,
        /** A soft-deleted version that is deleted again: 40406. */
        SOFT_TWICE_IS_REFUSED,
        /** Deleting a subject answers with the versions that were not deleted yet. */
        DELETING_NAMES_LIVE_VERSIONS,
        /** After permanent deletion of the last use, the id is gone. */
        PERMANENT_FORGETS_ID,
        /** verbose=true tells why a schema is incompatible. */
        VERBOSE_MESSAGES,
        /** The schema of an incompatible registration is explained with "incompatible". */
        EXPLAINS_409,
        /** /schemas/ids/N/schema, /schemas/ids/N/subjects. */
        RAW_SCHEMA_AND_SUBJECTS_OF_ID,
        /** fetchMaxId=true adds maxId. */
        MAX_ID,
        /** GET /schemas lists all. */
        LISTS_SCHEMAS,
        /** A subject without its own level answers 40408, and the default with defaultToGlobal=true. */
        NO_OWN_LEVEL_IS_40408,
        /** A subject without its own mode answers 40409; modes can be set and taken back. */
        SUBJECT_MODES,
        /** 42203 for a level that does not exist. */
        BAD_LEVEL_IS_42203,
        /** 42202 for a version that is neither a number above 0 nor "latest". */
        BAD_VERSION_IS_42202,
        /** White space does not make another schema. */
        WHITE_SPACE_IS_NOTHING,
        /** A specified version that does not exist: 40402 in compatibility checks. */
        CHECK_AGAINST_MISSING_VERSION,
        /** A broken body is the client's fault (4xx). */
        BROKEN_BODY_IS_4XX,
        /** An unsupported schema type is refused with 422. */
        TYPE_IS_CHECKED,
        /** -1 means latest. */
        MINUS_ONE_IS_LATEST,
        /** FORWARD and FULL are judged as Avro's rules say. */
        FORWARD_AND_FULL,
        /** Transitive levels look at all versions. */
        TRANSITIVE,
        /**
         * A soft-deleted version does not count in compatibility checks; registering its text again makes a
         * new version with the same id.
         */
        SOFT_DELETED_COMES_BACK
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final AtomicInteger SUBJECTS = new AtomicInteger();
    /** Lets the suite run twice against a server that keeps its state. */
    private static final long RUN = ProcessHandle.current().pid();

    /** Without default, so that adding it is incompatible backwards. */
    private static final String TWO_REQUIRED =
            record("{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"string\"}");
    private static final String TWO_WITH_DEFAULT = record(
            "{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}");
    private static final String ONE = record("{\"name\":\"a\",\"type\":\"string\"}");
    private static final String NONE = record("");

    private RegistryProbe probe;
    private String subject;

    private static String record(String fields) {
        return "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"conformance\",\"fields\":[" + fields
                + "]}";
    }

    /** Base URL of the server under test. */
    protected abstract String url();

    /** Rules that this server is known to break. */
    protected Set<Rule> deviations() {
        return Set.of();
    }

    @BeforeEach
    void connect() {
        probe = new RegistryProbe(url());
        subject = "conformance-" + RUN + "-" + SUBJECTS.incrementAndGet() + "-value";
    }

    @AfterEach
    void disconnect() {
        probe.close();
    }

    private void rule(Rule rule, Runnable check) {
        if (deviations().contains(rule)) {
            assertThrows(AssertionError.class, check::run,
                    "listed as a known difference, but it holds: " + rule);
        } else {
            check.run();
        }
    }

    private String path(String rest) {
        return "/subjects/" + subject + rest;
    }

    private int register(String schema) {
        Answer answer = probe.post(path("/versions"), schema);
        assertEquals(200, answer.status(), answer.toString());
        assertTrue(answer.body().path("id").isInt(), answer.toString());
        return answer.body().path("id").asInt();
    }

    private void level(String level) {
        Answer answer = probe.put("/config/" + subject, "{\"compatibility\":\"" + level + "\"}");
        assertEquals(200, answer.status(), answer.toString());
        assertEquals(level, answer.body().path("compatibility").asText());
    }

    private static void refused(int status, int code, Answer answer) {
        assertEquals(status + "/" + code, answer.status() + "/" + answer.code(), answer.toString());
        assertTrue(answer.body().path("message").isTextual(), answer.toString());
    }

    private static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private List<Integer> numbers(JsonNode array) {
        List<Integer> numbers = new ArrayList<>();
        array.forEach(n -> numbers.add(n.asInt()));
        return numbers;
    }

    @Test
    void registersAndReadsBack() {
        int id = register(ONE);
        assertEquals(id, register(ONE), "again: the same");
        Answer byId = probe.get("/schemas/ids/" + id);
        assertEquals(200, byId.status());
        assertTrue(byId.type().startsWith(RegistryProbe.TYPE), byId.type());
        assertEquals(json(ONE), json(byId.body().path("schema").asText()));
        Answer latest = probe.get(path("/versions/latest"));
        assertEquals(Map.of("subject", subject, "version", 1, "id", id),
                Map.of("subject", latest.body().path("subject").asText(),
                "version", latest.body().path("version").asInt(), "id", latest.body().path("id").asInt()));
        assertEquals(json(ONE), json(latest.body().path("schema").asText()));
        assertEquals(json(ONE), probe.get(path("/versions/1/schema")).body());
        assertEquals(List.of(1), numbers(probe.get(path("/versions")).body()));
        assertTrue(probe.get("/subjects").body().toString().contains("\"" + subject + "\""));
        Answer found = probe.post(path(""), ONE);
        assertEquals(id + "/1", found.body().path("id").asInt() + "/" + found.body().path("version").asInt(),
                found.toString());
        assertTrue(probe.get("/schemas/types").body().toString().contains("\"AVRO\""));
        assertTrue(probe.get("/schemas/ids/" + id + "/versions").body().toString().contains(subject));
        rule(Rule.MINUS_ONE_IS_LATEST,
                () -> assertEquals(id, probe.get(path("/versions/-1")).body().path("id").asInt()));
        rule(Rule.MAX_ID,
                () -> assertTrue(probe.get("/schemas/ids/" + id + "?fetchMaxId=true").body().path("maxId")
                .asInt() >= id));
        rule(Rule.LISTS_SCHEMAS, () -> assertTrue(probe.get("/schemas").body().toString().contains(subject)));
        rule(Rule.RAW_SCHEMA_AND_SUBJECTS_OF_ID, () -> {
            assertEquals(json(ONE), probe.get("/schemas/ids/" + id + "/schema").body());
            assertTrue(probe.get("/schemas/ids/" + id + "/subjects").body().toString()
                    .contains("\"" + subject + "\""));
        });
        rule(Rule.WHITE_SPACE_IS_NOTHING,
                () -> assertEquals(id, register(ONE.replace(",", " ,\n ").replace(":", " : "))));
    }

    @Test
    void theSameTextHasOneIdOverAllSubjects() {
        int id = register(TWO_WITH_DEFAULT);
        int other = register(record("{\"name\":\"only" + RUN + "\",\"type\":\"int\",\"default\":1}"));
        assertNotEquals(id, other);
        assertEquals(List.of(1, 2), numbers(probe.get(path("/versions")).body()));
        subject = subject + "-second";
        assertEquals(id, register(TWO_WITH_DEFAULT));
        assertEquals(1, probe.get(path("/versions/latest")).body().path("version").asInt());
    }

    @Test
    void whatIsNotThereIsSaid() {
        refused(404, 40401, probe.get(path("/versions")));
        refused(404, 40401, probe.get(path("/versions/latest")));
        refused(404, 40401, probe.post(path(""), ONE));
        refused(404, 40401, probe.delete(path("")));
        refused(404, 40403, probe.get("/schemas/ids/999999"));
        register(ONE);
        refused(404, 40402, probe.get(path("/versions/9")));
        refused(404, 40403, probe.post(path(""), TWO_REQUIRED));
        rule(Rule.BAD_VERSION_IS_42202, () -> {
            refused(422, 42202, probe.get(path("/versions/0")));
            refused(422, 42202, probe.get(path("/versions/newest")));
        });
        assertEquals(404, probe.get("/nonsense").status());
    }

    @Test
    void badSchemasAreRefused() {
        for (String bad : List.of("nonsense", "{\"type\":\"record\"}",
                "{\"type\":\"recrd\",\"name\":\"R\",\"fields\":[]}")) {
            refused(422, 42201, probe.post(path("/versions"), bad));
        }
        refused(404, 40401, probe.get(path("/versions")));
        rule(Rule.BROKEN_BODY_IS_4XX, () -> {
            for (String body : List.of("{", "[]")) {
                assertEquals(4, probe.send("POST", path("/versions"), body, RegistryProbe.TYPE)
                        .status() / 100, body);
            }
        });
        rule(Rule.TYPE_IS_CHECKED, () -> assertEquals(422, probe.send("POST", path("/versions"),
                "{\"schemaType\":\"NONSENSE\",\"schema\":\"x\"}", RegistryProbe.TYPE).status()));
    }

    @Test
    void backwardIsTheDefaultAndLooksAtTheLastVersionOnly() {
        rule(Rule.DEFAULT_IS_BACKWARD, () ->
                assertEquals("BACKWARD", probe.get("/config").body().path("compatibilityLevel").asText()));
        register(ONE);
        refused(409, 409, probe.post(path("/versions"), TWO_REQUIRED));
        rule(Rule.EXPLAINS_409, () -> assertTrue(
                probe.post(path("/versions"), TWO_REQUIRED).body().path("message").asText()
                .contains("incompatible")));
        assertFits(false, TWO_REQUIRED, "latest");
        assertFits(true, TWO_WITH_DEFAULT, "latest");
        assertFits(true, NONE, "1");
        rule(Rule.VERBOSE_MESSAGES, () -> {
            Answer answer = probe.post("/compatibility" + path("/versions/latest?verbose=true"),
                    TWO_REQUIRED);
            assertTrue(answer.body().path("messages").toString().contains("b"), answer.toString());
        });
        rule(Rule.CHECK_AGAINST_MISSING_VERSION,
                () -> refused(404, 40402, probe.post("/compatibility" + path("/versions/7"), ONE)));
        register(NONE);
        register(record("{\"name\":\"a\",\"type\":\"int\",\"default\":0}"));
    }

    private void assertFits(boolean fits, String schema, String version) {
        Answer answer = probe.post("/compatibility" + path("/versions/" + version), schema);
        assertEquals(200, answer.status(), answer.toString());
        assertEquals(fits, answer.body().path("is_compatible").asBoolean(!fits), answer.toString());
    }

    @Test
    void transitiveLooksAtAllVersions() {
        level("BACKWARD_TRANSITIVE");
        register(ONE);
        register(NONE);
        rule(Rule.TRANSITIVE,
                () -> refused(409, 409,
                probe.post(path("/versions"), record("{\"name\":\"a\",\"type\":\"int\",\"default\":0}"))));
    }

    @Test
    void forwardFullAndNone() {
        level("FORWARD");
        register(ONE);
        rule(Rule.FORWARD_AND_FULL, () -> {
            refused(409, 409, probe.post(path("/versions"), NONE));
            register(TWO_REQUIRED);
            level("FULL");
            refused(409, 409, probe.post(path("/versions"), NONE));
            register(record("{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"string\"},"
                    + "{\"name\":\"c\",\"type\":\"int\",\"default\":3}"));
        });
        level("NONE");
        register("\"string\"");
        register("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\"]}");
    }

    @Test
    void levelsOfSubjects() {
        rule(Rule.NO_OWN_LEVEL_IS_40408, () -> {
            refused(404, 40408, probe.get("/config/" + subject));
            assertEquals("BACKWARD", probe.get("/config/" + subject + "?defaultToGlobal=true").body()
                    .path("compatibilityLevel").asText());
        });
        register(ONE);
        level("FULL_TRANSITIVE");
        assertEquals("FULL_TRANSITIVE", probe.get("/config/" + subject).body().path("compatibilityLevel")
                .asText());
        Answer gone = probe.delete("/config/" + subject);
        assertEquals(200, gone.status(), gone.toString());
        assertEquals("BACKWARD", probe.get("/config/" + subject + "?defaultToGlobal=true").body()
                .path("compatibilityLevel").asText());
        rule(Rule.BAD_LEVEL_IS_42203, () ->
                refused(422, 42203, probe.put("/config/" + subject, "{\"compatibility\":\"SIDEWAYS\"}")));
    }

    @Test
    void softAndPermanentDeletion() {
        register(ONE);
        int second = register(TWO_WITH_DEFAULT);
        rule(Rule.PERMANENT_NEEDS_SOFT, () -> {
            refused(404, 40407, probe.delete(path("/versions/1?permanent=true")));
            refused(404, 40405, probe.delete(path("?permanent=true")));
        });
        assertEquals("1", probe.delete(path("/versions/1")).body().toString());
        refused(404, 40402, probe.get(path("/versions/1")));
        assertEquals(List.of(2), numbers(probe.get(path("/versions")).body()));
        assertEquals(200, probe.get("/schemas/ids/" + second).status());
        rule(Rule.SOFT_TWICE_IS_REFUSED, () -> refused(404, 40406, probe.delete(path("/versions/1"))));
        rule(Rule.LISTS_SOFT_DELETED,
                () -> assertEquals(List.of(1, 2), numbers(probe.get(path("/versions?deleted=true")).body())));
        List<Integer> deleted = numbers(probe.delete(path("")).body());
        rule(Rule.DELETING_NAMES_LIVE_VERSIONS, () -> assertEquals(List.of(2), deleted));
        refused(404, 40401, probe.get(path("/versions")));
        rule(Rule.LISTS_SOFT_DELETED,
                () -> assertTrue(probe.get("/subjects?deleted=true").body().toString().contains(subject)));
        assertEquals(false, probe.get("/subjects").body().toString().contains("\"" + subject + "\""));
        refused(404, 40404, probe.delete(path("")));
        assertEquals(200, probe.delete(path("?permanent=true")).status());
        rule(Rule.LISTS_SOFT_DELETED, () ->
                assertEquals(false, probe.get("/subjects?deleted=true").body().toString().contains(subject)));
    }

    @Test
    void aPermanentlyDeletedSchemaIsForgotten() {
        int id = register("{\"type\":\"fixed\",\"name\":\"Forgotten" + RUN + "\",\"size\":3}");
        probe.delete(path(""));
        assertEquals(200, probe.get("/schemas/ids/" + id).status(), "records on topics still need it");
        assertEquals(200, probe.delete(path("?permanent=true")).status());
        rule(Rule.PERMANENT_FORGETS_ID, () -> refused(404, 40403, probe.get("/schemas/ids/" + id)));
    }

    @Test
    void aSoftDeletedSchemaComesBackAsANewVersionOfTheSameId() {
        int id = register(ONE);
        register(TWO_WITH_DEFAULT);
        assertEquals("2", probe.delete(path("/versions/latest")).body().toString());
        assertEquals(1, probe.get(path("/versions/latest")).body().path("version").asInt());
        probe.delete(path("/versions/1"));
        rule(Rule.SOFT_DELETED_COMES_BACK, () -> {
            assertEquals(id, register(ONE));
            assertEquals(List.of(3), numbers(probe.get(path("/versions")).body()));
        });
    }

    @Test
    void modesStopAndLetGo() {
        assertEquals("READWRITE", probe.get("/mode").body().path("mode").asText());
        rule(Rule.SUBJECT_MODES, () -> {
            refused(404, 40409, probe.get("/mode/" + subject));
            assertEquals(200, probe.put("/mode/" + subject, "{\"mode\":\"READONLY\"}").status());
            refused(422, 42205, probe.post(path("/versions"), ONE));
            assertEquals("READONLY", probe.get("/mode/" + subject).body().path("mode").asText());
            assertEquals(200, probe.delete("/mode/" + subject).status());
            register(ONE);
            refused(422, 42204, probe.put("/mode/" + subject, "{\"mode\":\"SLEEPY\"}"));
        });
        assertTrue(probe.get("/contexts").body().isArray());
    }

    @Test
    void subjectsMayHoldAnySigns() {
        String strange = "a%2Fb%20c%2B%C3%A9-" + RUN;
        Answer made = probe.post("/subjects/" + strange + "/versions", ONE);
        assertEquals(200, made.status(), made.toString());
        assertEquals("a/b c+é-" + RUN, probe.get("/subjects/" + strange + "/versions/1").body()
                .path("subject").asText());
    }
}
