package dev.millrace.sink.openai;

import static dev.millrace.sink.SinkFixtures.choice;
import static dev.millrace.sink.SinkFixtures.completion;
import static dev.millrace.sink.SinkFixtures.ended;
import static dev.millrace.sink.SinkFixtures.failure;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchLineWriterTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** First 12 bytes of SHA-256 of "b/1", as sha256sum prints them. */
    private static final String DIGEST = "c2c4324fdbeececdf6011f84";

    @Test
    void chatCompletionHasOpenAisShape() {
        assertEquals("""
                {"id":"batch_req_%1$s","custom_id":"1","response":{\
                "status_code":200,"request_id":"req_%1$s","body":{\
                "id":"chatcmpl-%1$s","object":"chat.completion","created":1767323048,"model":"demo",\
                "choices":[{"index":0,\
                "message":{"role":"assistant","content":"four","refusal":null},"logprobs":null,\
                "finish_reason":"stop",\
                "stop_reason":null}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,\
                "prompt_tokens_details":{"cached_tokens":4}}}},\
                "error":null}""".formatted(DIGEST),
                BatchLineWriter.toLine(completion("b", "1")));
    }

    @Test
    void textCompletionHasTheOlderShape() {
        Choice choice = choice(" four").setFinishReason("length").build();
        Completion completion = ended("b", "1", CompletionStatus.COMPLETED).setEndpoint(Endpoint.COMPLETIONS)
                .setChoices(List.of(choice)).build();
        assertEquals("""
                {"id":"batch_req_%1$s","custom_id":"1","response":{\
                "status_code":200,"request_id":"req_%1$s","body":{\
                "id":"cmpl-%1$s","object":"text_completion","created":1767323048,"model":"demo",\
                "choices":[{"index":0,\
                "text":" four","logprobs":null,"finish_reason":"length","stop_reason":null}],\
                "usage":{"prompt_tokens":10,\
                "completion_tokens":3,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":4}}}},\
                "error":null}"""
                        .formatted(DIGEST),
                BatchLineWriter.toLine(completion));
    }

    @Test
    void failureCarriesItsErrorInTheBodyAndBesideIt() {
        String error = """
                "error":{"message":"temperature must be at least 0","type":"invalid_request_error",\
                "param":"body.temperature","code":"invalid_request"}""";
        assertEquals("""
                {"id":"batch_req_%1$s","custom_id":"1","response":{\
                "status_code":400,"request_id":"req_%1$s","body":{%2$s}},%2$s}"""
                        .formatted(DIGEST, error),
                BatchLineWriter.toLine(failure("b", "1", "invalid_request",
                "temperature must be at least 0")));
    }

    @ParameterizedTest
    @CsvSource({"model_not_found,404,invalid_request_error",
            "context_length_exceeded,400,invalid_request_error",
        "internal_error,500,server_error"})
    void statusFollowsTheErrorCode(String code, int status, String type) throws IOException {
        JsonNode line = JSON.readTree(BatchLineWriter.toLine(failure("b", "1", code, "why")));
        assertEquals(status, line.at("/response/status_code").asInt());
        assertEquals(type, line.at("/error/type").asText());
        assertEquals(code, line.at("/response/body/error/code").asText());
    }

    @ParameterizedTest
    @CsvSource({"EXPIRED,batch_expired", "CANCELLED,batch_cancelled"})
    void unfinishedJobHasNoResponseAndTheBatchsCode(CompletionStatus status, String code) throws IOException {
        JsonNode line = JSON.readTree(BatchLineWriter.toLine(ended("b", "1", status).build()));
        assertTrue(line.get("response").isNull());
        assertEquals(code, line.at("/error/code").asText());
        assertFalse(line.at("/error/message").asText().isBlank());
    }

    @Test
    void onlyCompletedJobsBelongToTheOutputFile() {
        for (CompletionStatus status : CompletionStatus.values()) {
            boolean error = BatchLineWriter.belongsToErrorFile(ended("b", "1", status).build());
            assertEquals(status != CompletionStatus.COMPLETED, error, status.name());
        }
    }

    @Test
    void chatLogprobsCarryBytesAndAlternatives() throws IOException {
        JsonNode choice = firstChoice(ended("b", "1", CompletionStatus.COMPLETED)
                .setChoices(List.of(choice("é!").setLogprobs(logprobs()).build())).build());
        assertEquals("""
                {"content":[{"token":"é","logprob":-0.25,"bytes":[195,169],"top_logprobs":[\
                {"token":"é","logprob":-0.25,"bytes":[195,169]},{"token":"e","logprob":-1.5,"bytes":[101]}]},\
                {"token":"!","logprob":-9999.0,"bytes":[33],"top_logprobs":[]}],"refusal":null}""",
                choice.get("logprobs").toString());
    }

    @Test
    void textLogprobsAreFourParallelArrays() throws IOException {
        JsonNode choice = firstChoice(
                ended("b", "1", CompletionStatus.COMPLETED).setEndpoint(Endpoint.COMPLETIONS)
                .setChoices(List.of(choice("é!").setLogprobs(logprobs()).build())).build());
        assertEquals("""
                {"tokens":["é","!"],"token_logprobs":[-0.25,-9999.0],\
                "top_logprobs":[{"é":-0.25,"e":-1.5},{"!":-9999.0}],\
                "text_offset":[0,1]}""",
                choice.get("logprobs").toString());
    }

    @Test
    void offsetsCountCodePoints() throws IOException {
        List<TokenLogprob> tokens = List.of(token("\uD83D\uDE00"), token("a"));
        JsonNode choice = firstChoice(
                ended("b", "1", CompletionStatus.COMPLETED).setEndpoint(Endpoint.COMPLETIONS)
                .setChoices(List.of(choice("\uD83D\uDE00a").setLogprobs(tokens).build())).build());
        assertEquals("[0,1]", choice.at("/logprobs/text_offset").toString());
    }

    @Test
    void tokenIdsStandWhereVllmPutsThem() throws IOException {
        List<Choice> choices = List.of(
                choice("a").setTokenIds(List.of(7, 2)).setPromptTokenIds(List.of(1, 5)).build());
        Completion.Builder job = ended("b", "1", CompletionStatus.COMPLETED).setChoices(choices);
        JsonNode chat = JSON.readTree(BatchLineWriter.toLine(job.build())).at("/response/body");
        assertEquals("[1,5]", chat.get("prompt_token_ids").toString());
        assertEquals("[7,2]", chat.at("/choices/0/token_ids").toString());
        JsonNode text = JSON.readTree(BatchLineWriter.toLine(job.setEndpoint(Endpoint.COMPLETIONS).build()))
                .at("/response/body");
        assertFalse(text.has("prompt_token_ids"));
        assertEquals("[1,5]", text.at("/choices/0/prompt_token_ids").toString());
        assertEquals("[7,2]", text.at("/choices/0/token_ids").toString());
        // Control: a job that did not ask gets neither.
        assertFalse(BatchLineWriter.toLine(completion("b", "1")).contains("token_ids"));
    }

    @Test
    void stopTokenIsANumberAndStopStringAString() throws IOException {
        assertEquals("128009", stopReason("128009").toString());
        assertEquals("\"\\n\\n\"", stopReason("\n\n").toString());
        assertEquals("\"007\"", stopReason("007").toString());
        assertTrue(stopReason(null).isNull());
    }

    @Test
    void severalLinesEndWithALineFeedEachAndKeepTextOnOneLine() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Completion tricky = ended("b", "ü\n\"", CompletionStatus.COMPLETED)
                .setChoices(List.of(choice("a\nb\r\u2028 \uD83D\uDE00").build())).build();
        try (BatchLineWriter writer = new BatchLineWriter(bytes)) {
            writer.write(tricky);
            writer.write(completion("b", "2"));
        }
        String file = bytes.toString(StandardCharsets.UTF_8);
        String[] lines = file.split("\n", -1);
        assertEquals(3, lines.length);
        assertEquals("", lines[2]);
        assertEquals("ü\n\"", JSON.readTree(lines[0]).get("custom_id").asText());
        assertEquals("a\nb\r\u2028 \uD83D\uDE00", JSON.readTree(lines[0])
                .at("/response/body/choices/0/message/content").asText());
        assertEquals("2", JSON.readTree(lines[1]).get("custom_id").asText());
    }

    @Test
    void surrogateWithoutPartnerBecomesTheReplacementCharacter() throws IOException {
        Completion odd = ended("b", "x\uD800y\uD83D\uDE00\uDC00", CompletionStatus.COMPLETED)
                .setChoices(List.of(choice("ok").build())).build();
        assertEquals("x\uFFFDy\uD83D\uDE00\uFFFD", JSON.readTree(BatchLineWriter.toLine(odd)).get("custom_id")
                .asText());
    }

    @Test
    void idsDependOnTheJobAlone() throws IOException {
        String once = BatchLineWriter.toLine(completion("b", "1"));
        assertEquals(once, BatchLineWriter.toLine(completion("b", "1")));
        assertNotEquals(JSON.readTree(once).get("id"),
                JSON.readTree(BatchLineWriter.toLine(completion("b", "2"))).get("id"));
    }

    private static JsonNode stopReason(String reason) throws IOException {
        return firstChoice(ended("b", "1", CompletionStatus.COMPLETED)
                .setChoices(List.of(choice("a").setStopReason(reason).build())).build()).get("stop_reason");
    }

    private static JsonNode firstChoice(Completion completion) throws IOException {
        return JSON.readTree(BatchLineWriter.toLine(completion)).at("/response/body/choices/0");
    }

    /** "é" with two alternatives, then "!" which the model held for impossible. */
    private static List<TokenLogprob> logprobs() {
        TokenLogprob first = token("é");
        first.setTop(List.of(new TopLogprob("é", 1, -0.25, utf8("é")),
                new TopLogprob("e", 2, -1.5, utf8("e"))));
        TokenLogprob second = token("!");
        second.setLogprob(Double.NEGATIVE_INFINITY);
        return List.of(first, second);
    }

    private static TokenLogprob token(String text) {
        return new TokenLogprob(text, 1, -0.25, utf8(text), List.of());
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }
}
