package dev.millrace.ingest.openai;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.ConstraintKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

import java.time.Instant;
import java.util.List;
import java.util.Map;

class BatchLineParserTest {
    private static final JobDefaults DEFAULTS =
            new JobDefaults("b1", "s1", "acme", Instant.ofEpochMilli(1234));
    private static final String EVERY_FIELD =
            """
            "messages": [
              {"role": "system", "content": "Be brief."},
              {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "Ann"},
              {"role": "assistant", "content": null, "tool_calls": [{"id": "c1"}]},
              {"role": "tool", "content": "42", "tool_call_id": "c1"}],
            "max_completion_tokens": 7, "temperature": 0, "top_p": 1, "top_k": -1, "min_p": 0.5,
            "repetition_penalty": 1.1, "presence_penalty": -2, "frequency_penalty": 2.0,
            "logit_bias": {"5": -100, "17": 1.5}, "logprobs": true, "top_logprobs": 3,
            "stop": ["a", "b"], "stop_token_ids": [1, 2], "n": 2, "seed": -9007199254740993,
            "ignore_eos": true, "return_token_ids": true, "skip_special_tokens": false,
            "tools": [{"type": "function"}], "chat_template_kwargs": {"enable_thinking": false},
            "metadata": {"k": "v"}, "user": "u7", "priority": -3,
            "shared_prefix_id": "p1"\
            """;
    private static final String NEUTRAL_FIELDS =
            """
            "messages": [{"role": "user", "content": "x"}], "stream": false, "store": false,
            "parallel_tool_calls": true, "response_format": {"type": "text"}, "tool_choice": "auto",
            "service_tier": "auto", "min_tokens": 0, "length_penalty": 1, "modalities": ["text"],
            "add_special_tokens": false, "logprobs": false, "top_logprobs": 0\
            """;

    private final BatchLineParser parser = new BatchLineParser();

    @Test
    void chatLineWithEveryField() {
        PromptJob job = accepted(chat(EVERY_FIELD));
        assertEquals("b1/c", job.getJobId());
        assertEquals("c", job.getCustomId());
        assertEquals("b1", job.getBatchId());
        assertEquals("s1", job.getSubmissionId());
        assertEquals("acme", job.getTenant());
        assertEquals(Instant.ofEpochMilli(1234), job.getCreatedAt());
        assertEquals("m", job.getModel());
        assertEquals(Endpoint.CHAT_COMPLETIONS, job.getEndpoint());
        assertEquals(
                List.of(
                        new ChatMessage("system", "Be brief.", null),
                        new ChatMessage(
                                "user",
                                null,
                                "{\"name\":\"Ann\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}"),
                        new ChatMessage(
                                "assistant",
                                null,
                                "{\"tool_calls\":[{\"id\":\"c1\"}],\"content\":null}"),
                        new ChatMessage("tool", "42", "{\"tool_call_id\":\"c1\"}")),
                job.getMessages());
        assertEquals(Map.of("k", "v", "user", "u7"), job.getMetadata());
        assertEquals(3, job.getPriority(), "vLLM's lower runs earlier is the contract's higher");
        assertEquals("p1", job.getSharedPrefixId());
        assertEquals("[{\"type\":\"function\"}]", job.getTools());
        assertEquals("{\"enable_thinking\":false}", job.getChatTemplateKwargs());
        assertNull(job.getPrefixFingerprint(), "ingest's to set");
        assertEquals(
                new SamplingParams(
                        7,
                        0.0,
                        1.0,
                        -1,
                        0.5,
                        1.1,
                        -2.0,
                        2.0,
                        Map.of("5", -100.0, "17", 1.5),
                        3,
                        List.of("a", "b"),
                        List.of(1, 2),
                        2,
                        -9007199254740993L,
                        true,
                        false,
                        true),
                job.getSampling());
    }

    @Test
    void absentAndNullFieldsAreTheModelsDefaults() {
        String nulls =
                "\"max_tokens\": null, \"temperature\": null, \"stop\": null, \"n\": null,"
                    + " \"tools\": null, \"seed\": null, \"response_format\": null, \"metadata\":"
                    + " null, \"logprobs\": null, \"skip_special_tokens\": null, \"functions\":"
                    + " null";
        SamplingParams expected =
                new SamplingParams(
                        null, null, null, null, null, null, null, null, null, null, List.of(),
                        List.of(), 1, null, false, true, false);
        for (String fields :
                List.of(
                        "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]",
                        "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], " + nulls)) {
            PromptJob job = accepted(chat(fields));
            assertEquals(expected, job.getSampling());
            assertEquals(Map.of(), job.getMetadata());
            assertNull(job.getTools());
        }
    }

    @Test
    void theFormOfTheAnswerUnderEachOfItsNames() {
        String messages = "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], ";
        String schema = "{\"type\":\"null\"}";
        Map<String, OutputConstraint> expected =
                Map.of(
                        "\"response_format\": {\"type\": \"json_object\"}",
                        constraint(ConstraintKind.JSON_OBJECT, "", "response_format", null),
                        "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\":"
                                + " \"n\", \"strict\": true, \"schema\": "
                                + schema
                                + "}}",
                        constraint(
                                ConstraintKind.JSON_SCHEMA,
                                schema,
                                "response_format.json_schema.schema",
                                "n"),
                        "\"guided_json\": " + schema,
                        constraint(ConstraintKind.JSON_SCHEMA, schema, "guided_json", null),
                        "\"guided_regex\": \"a+\"",
                        constraint(ConstraintKind.REGEX, "a+", "guided_regex", null),
                        "\"guided_choice\": [\"a\", \"b\"]",
                        constraint(
                                ConstraintKind.CHOICE, "[\"a\",\"b\"]", "guided_choice", null),
                        "\"structured_outputs\": {\"regex\": \"a\", \"json\": null}",
                        constraint(ConstraintKind.REGEX, "a", "structured_outputs.regex", null));
        expected.forEach(
                (field, form) ->
                        assertEquals(form, accepted(chat(messages + field)).getConstraint(), field));
        assertNull(accepted(chat(NEUTRAL_FIELDS)).getConstraint());
    }

    private static OutputConstraint constraint(
            ConstraintKind kind, String text, String field, String name) {
        return new OutputConstraint(kind, text, "body." + field, name);
    }

    @Test
    void promptAsTextOrTokenIdsAloneOrInAList() {
        assertEquals("one", accepted(completion("\"prompt\": \"one\"")).getPrompt());
        assertEquals("one", accepted(completion("\"prompt\": [\"one\"]")).getPrompt());
        assertEquals(List.of(3, 4), accepted(completion("\"prompt\": [3, 4]")).getPromptTokenIds());
        assertEquals(List.of(3), accepted(completion("\"prompt\": [[3]]")).getPromptTokenIds());
        PromptJob job =
                accepted(
                        completion("\"prompt\": \"x\", \"logprobs\": 2, \"n\": 2, \"best_of\": 2"));
        assertEquals(Endpoint.COMPLETIONS, job.getEndpoint());
        assertEquals(2, job.getSampling().getLogprobs());
        assertNull(job.getPromptTokenIds());
        assertTrue(job.getMessages().isEmpty());
    }

    @Test
    void equalLimitsAreOneLimit() {
        assertEquals(
                5,
                accepted(
                                completion(
                                        "\"prompt\": \"x\", \"max_tokens\": 5,"
                                                + " \"max_completion_tokens\": 5"))
                        .getSampling()
                        .getMaxTokens());
    }

    @Test
    void neutralValuesOfFieldsThatAreNotImplementedPass() {
        accepted(chat(NEUTRAL_FIELDS));
    }

    @ParameterizedTest
    @CsvFileSource(
            resources = "bad-chat-fields.txt",
            delimiter = '|',
            quoteCharacter = '`',
            numLinesToSkip = 1)
    void badChatFieldIsNamedWithItsValue(String fields, String param, String code, String message) {
        assertRejected(
                chat("\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], " + json(fields)),
                param,
                code,
                json(message));
    }

    @ParameterizedTest
    @CsvFileSource(
            resources = "bad-messages.txt",
            delimiter = '|',
            quoteCharacter = '`',
            numLinesToSkip = 1)
    void badMessageIsNamedWithItsPlace(String fields, String param, String code, String message) {
        assertRejected(chat(json(fields)), param, code, json(message));
    }

    @ParameterizedTest
    @CsvFileSource(
            resources = "bad-completion-fields.txt",
            delimiter = '|',
            quoteCharacter = '`',
            numLinesToSkip = 1)
    void badCompletionFieldIsNamed(String fields, String param, String code, String message) {
        assertRejected(completion(json(fields)), param, code, json(message));
    }

    @ParameterizedTest
    @CsvFileSource(
            resources = "bad-lines.txt",
            delimiter = '|',
            quoteCharacter = '`',
            numLinesToSkip = 1)
    void brokenLineKeepsWhatIdItHas(String line, String customId, String code, String message) {
        PromptJob job = parser.parse(json(line), 9, DEFAULTS);
        assertEquals(customId, job.getCustomId());
        assertEquals("b1/" + customId, job.getJobId());
        assertProblem(job.getRejection(), code, json(message));
    }

    @Test
    void rejectedJobKeepsModelAndEndpoint() {
        PromptJob job = parser.parse(completion("\"prompt\": 5"), 9, DEFAULTS);
        assertEquals("m", job.getModel());
        assertEquals(Endpoint.COMPLETIONS, job.getEndpoint());
    }

    @Test
    void lineLengthIsBounded() {
        String line = completion("\"prompt\": \"" + "x".repeat(100) + "\"");
        assertNull(new BatchLineParser(line.length()).parse(line, 1, DEFAULTS).getRejection());
        assertProblem(
                new BatchLineParser(line.length() - 1).parse(line, 9, DEFAULTS).getRejection(),
                "line_too_long",
                "the limit is");
    }

    @Test
    void withoutBatchTheCustomIdIsTheJobId() {
        assertEquals(
                "c",
                parser.parse(completion("\"prompt\": \"x\""), 1, JobDefaults.noBatch(Instant.EPOCH))
                        .getJobId());
    }

    private PromptJob accepted(String line) {
        PromptJob job = parser.parse(line, 9, DEFAULTS);
        assertNull(job.getRejection(), () -> job.getRejection().getMessage());
        return job;
    }

    private void assertRejected(String line, String param, String code, String message) {
        ErrorInfo rejection = parser.parse(line, 9, DEFAULTS).getRejection();
        assertProblem(rejection, code, message);
        assertEquals(param, rejection.getParam());
    }

    private static void assertProblem(ErrorInfo rejection, String code, String message) {
        assertNotNull(rejection, "accepted");
        assertTrue(rejection.getMessage().startsWith("line 9"), rejection::getMessage);
        assertTrue(rejection.getMessage().contains(message), rejection::getMessage);
        assertEquals(code, rejection.getCode());
    }

    /** The tables write JSON with single quotes. */
    private static String json(String text) {
        return text.replace('\'', '"');
    }

    private static String chat(String fields) {
        return line("/v1/chat/completions", fields);
    }

    private static String completion(String fields) {
        return line("/v1/completions", fields);
    }

    private static String line(String url, String fields) {
        String head =
                json("{'custom_id': 'c', 'method': 'POST', 'url': '%s', 'body': {'model': 'm', ");
        return head.formatted(url) + fields + "}}";
    }
}
