package dev.millrace.ingest.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;

import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Turns a line of an OpenAI Batch file, {@code {"custom_id", "method", "url", "body"}}, into a job
 * (<a href="https://developers.openai.com/api/docs/guides/batch">format</a>; extensions by vLLM's
 * names).
 *
 * <p>Two fields are read in a way worth knowing: {@code user} becomes the metadata pair "user", and
 * {@code priority} has vLLM's meaning (lower runs earlier), which the contract turns round. Not one
 * field is ignored: what is not understood is an error. Threads may share a parser.
 */
public final class BatchLineParser {
    static final String CHAT_URL = "/v1/chat/completions";
    static final String COMPLETIONS_URL = "/v1/completions";

    /** Longest line that {@link #BatchLineParser()} takes. */
    public static final int DEFAULT_LINE_CHARS_MAX = 64 << 20;

    private static final Map<String, Endpoint> ENDPOINTS =
            Map.of(CHAT_URL, Endpoint.CHAT_COMPLETIONS, COMPLETIONS_URL, Endpoint.COMPLETIONS);
    private static final Set<String> MEMBERS = Set.of("custom_id", "method", "url", "body");

    private final int lineCharsMax;
    private final JsonFactory json;

    public BatchLineParser() {
        this(DEFAULT_LINE_CHARS_MAX);
    }

    /**
     * @param lineCharsMax longer lines become rejected jobs; at least 1
     */
    public BatchLineParser(int lineCharsMax) {
        if (lineCharsMax < 1) {
            throw new IllegalArgumentException(
                    "lineCharsMax must be at least 1, not " + lineCharsMax);
        }
        this.lineCharsMax = lineCharsMax;
        this.json =
                new JsonFactoryBuilder()
                        .streamReadConstraints(
                                StreamReadConstraints.builder()
                                        .maxStringLength(lineCharsMax)
                                        .build())
                        .build();
    }

    /**
     * Reads one line. Never throws for a bad line: the job then has {@code rejection} set, with the
     * line number in its message, and as much else as could be read.
     *
     * @param lineNumber from 1
     */
    public PromptJob parse(String line, long lineNumber, JobDefaults defaults) {
        Map<String, JsonNode> members = new LinkedHashMap<>();
        try {
            readMembers(line, members);
            return job(members, defaults);
        } catch (JsonProcessingException e) {
            String column =
                    e.getLocation() == null ? "" : ", column " + e.getLocation().getColumnNr();
            // Jackson adds where the broken object began, in terms of its own buffers.
            String reason =
                    e.getOriginalMessage()
                            .lines()
                            .findFirst()
                            .orElse("")
                            .replaceFirst(" \\(start marker at.*", "");
            String message = "line " + lineNumber + column + ": not JSON: " + reason;
            return rejected(
                    members,
                    lineNumber,
                    defaults,
                    new ErrorInfo(ErrorCodes.INVALID_JSON, message, null));
        } catch (FieldException e) {
            String message = "line " + lineNumber + ": " + e.getMessage();
            return rejected(
                    members, lineNumber, defaults, new ErrorInfo(e.code(), message, e.param()));
        } catch (IOException e) {
            throw new UncheckedIOException("reading a string cannot fail", e);
        }
    }

    /**
     * A job for a line that could not even be given to {@link #parse}, such as one that is not
     * UTF-8.
     */
    public PromptJob reject(long lineNumber, JobDefaults defaults, String code, String reason) {
        return rejected(
                Map.of(),
                lineNumber,
                defaults,
                new ErrorInfo(code, "line " + lineNumber + ": " + reason, null));
    }

    /**
     * Reads the line's members as far as it goes, so that a line that breaks off keeps its custom
     * id.
     */
    private void readMembers(String line, Map<String, JsonNode> members) throws IOException {
        if (line.length() > lineCharsMax) {
            throw new FieldException(
                    ErrorCodes.LINE_TOO_LONG,
                    null,
                    "the line has " + line.length() + " characters; the limit is " + lineCharsMax);
        }
        try (JsonParser in = json.createParser(line)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                throw new FieldException(
                        ErrorCodes.INVALID_JSON,
                        null,
                        "a line must be an object with the members custom_id, method, url and"
                            + " body");
            }
            while (in.nextToken() != JsonToken.END_OBJECT) {
                String name = in.currentName();
                in.nextToken();
                if (members.containsKey(name)) {
                    throw new FieldException(
                            ErrorCodes.INVALID_JSON, name, name + " is given twice");
                }
                members.put(name, JsonReader.read(in));
            }
            if (in.nextToken() != null) {
                throw new FieldException(
                        ErrorCodes.INVALID_JSON,
                        null,
                        "there is text after the object's end; a line is one object");
            }
        }
    }

    private PromptJob job(Map<String, JsonNode> members, JobDefaults defaults) {
        JsonField customId = member(members, "custom_id");
        for (String name : members.keySet()) {
            if (!MEMBERS.contains(name)) {
                throw new FieldException(
                        ErrorCodes.UNKNOWN,
                        name,
                        name
                                + " is not a member of a request line; those are custom_id, method,"
                                + " url and body");
            }
        }
        JsonField method = member(members, "method");
        if (!method.text().equals("POST")) {
            throw new FieldException(
                    ErrorCodes.INVALID_METHOD,
                    "method",
                    "method must be \"POST\", not " + method.shown());
        }
        JsonField url = member(members, "url");
        Endpoint endpoint = ENDPOINTS.get(url.text());
        if (endpoint == null) {
            throw new FieldException(
                    ErrorCodes.INVALID_URL,
                    "url",
                    "url "
                            + url.shown()
                            + " is not served; only "
                            + CHAT_URL
                            + " and "
                            + COMPLETIONS_URL
                            + " are");
        }
        PromptJob.Builder job = builder(customId.nonEmptyText(), defaults).setEndpoint(endpoint);
        BodyReader.readInto(member(members, "body"), job);
        return job.build();
    }

    private static PromptJob rejected(
            Map<String, JsonNode> members,
            long lineNumber,
            JobDefaults defaults,
            ErrorInfo rejection) {
        JsonNode customId = members.get("custom_id");
        boolean hasId = customId != null && customId.isTextual() && !customId.textValue().isEmpty();
        JsonNode url = members.get("url");
        JsonNode model = members.containsKey("body") ? members.get("body").get("model") : null;
        Endpoint endpoint = url == null ? null : ENDPOINTS.get(url.asText());
        return builder(hasId ? customId.textValue() : "line-" + lineNumber, defaults)
                .setEndpoint(endpoint == null ? Endpoint.CHAT_COMPLETIONS : endpoint)
                .setModel(model != null && model.isTextual() ? model.textValue() : "")
                .setSampling(SamplingParams.newBuilder().build())
                .setRejection(rejection)
                .build();
    }

    private static PromptJob.Builder builder(String customId, JobDefaults defaults) {
        return PromptJob.newBuilder()
                .setJobId(defaults.jobId(customId))
                .setCustomId(customId)
                .setBatchId(defaults.batchId())
                .setSubmissionId(defaults.submissionId())
                .setTenant(defaults.tenant())
                .setCreatedAt(defaults.createdAt());
    }

    private static JsonField member(Map<String, JsonNode> members, String name) {
        JsonNode value = members.get(name);
        if (value == null || value.isNull()) {
            throw new FieldException(ErrorCodes.MISSING, name, name + " is missing");
        }
        return new JsonField(name, value);
    }
}
