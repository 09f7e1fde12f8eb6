package dev.millrace.ingest.openai;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchLineParserTest {
    private static final JobDefaults DEFAULTS = new JobDefaults("b1", "s1", "acme", Instant.ofEpochMilli(1234));
    private final BatchLineParser parser = new BatchLineParser();

    @Test
    void chatLineWithEveryField() {
        PromptJob job = accepted(chat("""
                "messages": [
                  {"role": "system", "content": "Be brief."},
                  {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "Ann"},
                  {"role": "assistant", "content": null, "tool_calls": [{"id": "c1"}]},
                  {"role": "tool", "content": "42", "tool_call_id": "c1"}],
                "max_completion_tokens": 7, "temperature": 0, "top_p": 1, "top_k": -1, "min_p": 0.5, "repetition_penalty": 1.1,
                "presence_penalty": -2, "frequency_penalty": 2.0, "logit_bias": {"5": -100, "17": 1.5}, "logprobs": true,
                "top_logprobs": 3, "stop": ["a", "b"], "stop_token_ids": [1, 2], "n": 2, "seed": -9007199254740993,
                "ignore_eos": true, "return_token_ids": true, "skip_special_tokens": false, "tools": [{"type": "function"}],
                "chat_template_kwargs": {"enable_thinking": false}, "metadata": {"k": "v"}, "user": "u7", "priority": -3,
                "shared_prefix_id": "p1" """));
        assertEquals("b1/c", job.getJobId());
        assertEquals("c", job.getCustomId());
        assertEquals("b1", job.getBatchId());
        assertEquals("s1", job.getSubmissionId());
        assertEquals("acme", job.getTenant());
        assertEquals(Instant.ofEpochMilli(1234), job.getCreatedAt());
        assertEquals("m", job.getModel());
        assertEquals(Endpoint.CHAT_COMPLETIONS, job.getEndpoint());
        assertEquals(List.of(
                new ChatMessage("system", "Be brief.", null),
                new ChatMessage("user", null, "{\"name\":\"Ann\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}"),
                new ChatMessage("assistant", null, "{\"tool_calls\":[{\"id\":\"c1\"}]}"),
                new ChatMessage("tool", "42", "{\"tool_call_id\":\"c1\"}")), job.getMessages());
        assertEquals(Map.of("k", "v", "user", "u7"), job.getMetadata());
        assertEquals(3, job.getPriority(), "vLLM's lower runs earlier is the contract's higher");
        assertEquals("p1", job.getSharedPrefixId());
        assertEquals("[{\"type\":\"function\"}]", job.getTools());
        assertEquals("{\"enable_thinking\":false}", job.getChatTemplateKwargs());
        assertNull(job.getPrefixFingerprint(), "ingest's to set");
        assertEquals(new SamplingParams(7, 0.0, 1.0, -1, 0.5, 1.1, -2.0, 2.0, Map.of("5", -100.0, "17", 1.5), 3, List.of("a", "b"),
                List.of(1, 2), 2, -9007199254740993L, true, false, true), job.getSampling());
    }

    @Test
    void absentAndNullFieldsAreTheModelsDefaults() {
        String nulls = "\"max_tokens\": null, \"temperature\": null, \"stop\": null, \"n\": null, \"tools\": null, \"seed\": null, "
                + "\"response_format\": null, \"metadata\": null, \"logprobs\": null, \"skip_special_tokens\": null, \"functions\": null";
        SamplingParams expected = new SamplingParams(null, null, null, null, null, null, null, null, null, null, List.of(), List.of(),
                1, null, false, true, false);
        for (String fields : List.of("\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]",
                "\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], " + nulls)) {
            PromptJob job = accepted(chat(fields));
            assertEquals(expected, job.getSampling());
            assertEquals(Map.of(), job.getMetadata());
            assertNull(job.getTools());
        }
    }

    @Test
    void promptAsTextOrTokenIdsAloneOrInAList() {
        assertEquals("one", accepted(completion("\"prompt\": \"one\"")).getPrompt());
        assertEquals("one", accepted(completion("\"prompt\": [\"one\"]")).getPrompt());
        assertEquals(List.of(3, 4), accepted(completion("\"prompt\": [3, 4]")).getPromptTokenIds());
        assertEquals(List.of(3), accepted(completion("\"prompt\": [[3]]")).getPromptTokenIds());
        PromptJob job = accepted(completion("\"prompt\": \"x\", \"logprobs\": 2, \"n\": 2, \"best_of\": 2"));
        assertEquals(Endpoint.COMPLETIONS, job.getEndpoint());
        assertEquals(2, job.getSampling().getLogprobs());
        assertNull(job.getPromptTokenIds());
        assertTrue(job.getMessages().isEmpty());
    }

    @Test
    void equalLimitsAreOneLimit() {
        assertEquals(5, accepted(completion("\"prompt\": \"x\", \"max_tokens\": 5, \"max_completion_tokens\": 5"))
                .getSampling().getMaxTokens());
    }

    @Test
    void neutralValuesOfFieldsThatAreNotImplementedPass() {
        accepted(chat("""
                "messages": [{"role": "user", "content": "x"}], "stream": false, "store": false, "parallel_tool_calls": true,
                "response_format": {"type": "text"}, "tool_choice": "auto", "service_tier": "auto", "min_tokens": 0,
                "length_penalty": 1, "modalities": ["text"], "add_special_tokens": false, "logprobs": false, "top_logprobs": 0 """));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'temperature': 3.5 | body.temperature | invalid_value | body.temperature must be in [0, 2], not 3.5",
        "'temperature': -1 | body.temperature | invalid_value | not -1.0",
        "'temperature': 'hot' | body.temperature | invalid_type | body.temperature must be a number, not 'hot'",
        "'temperature': 1e999 | body.temperature | invalid_value | must be a finite number",
        "'top_p': 0 | body.top_p | invalid_value | must be in (0, 1]",
        "'top_p': 1.01 | body.top_p | invalid_value | must be in (0, 1]",
        "'top_k': -2 | body.top_k | invalid_value | must be -1 or 0 (all) or positive",
        "'top_k': 1.5 | body.top_k | invalid_type | must be an integer, not 1.5",
        "'min_p': 2 | body.min_p | invalid_value | must be in [0, 1]",
        "'repetition_penalty': 0 | body.repetition_penalty | invalid_value | must be above 0",
        "'presence_penalty': 2.5 | body.presence_penalty | invalid_value | must be in [-2, 2]",
        "'frequency_penalty': -3 | body.frequency_penalty | invalid_value | must be in [-2, 2]",
        "'max_tokens': 0 | body.max_tokens | invalid_value | must be at least 1, not 0",
        "'max_tokens': 99999999999 | body.max_tokens | invalid_value | must fit in 32 bits, not 99999999999",
        "'max_tokens': true | body.max_tokens | invalid_type | must be an integer, not true",
        "'max_tokens': 1, 'max_completion_tokens': 2 | body.max_completion_tokens | invalid_value | is 2 but body.max_tokens is 1",
        "'logit_bias': {'x': 1} | body.logit_bias | invalid_value | must have token ids as keys, not 'x'",
        "'logit_bias': {'7': 101} | body.logit_bias.7 | invalid_value | must be in [-100, 100], not 101.0",
        "'logit_bias': [1] | body.logit_bias | invalid_type | must be an object, not a list",
        "'logprobs': 3 | body.logprobs | invalid_type | must be true or false, not 3",
        "'top_logprobs': 3 | body.top_logprobs | invalid_value | is 3 but body.logprobs is not true",
        "'logprobs': true, 'top_logprobs': 21 | body.top_logprobs | invalid_value | must be in [0, 20], not 21",
        "'stop': ['a', ''] | body.stop | invalid_value | must not hold an empty string",
        "'stop': 5 | body.stop | invalid_type | must be a string or a list of strings, not 5",
        "'stop': ['a', 5] | body.stop[1] | invalid_type | must be a string, not 5",
        "'stop_token_ids': [-1] | body.stop_token_ids[0] | invalid_value | must be a token id, 0 or above, not -1",
        "'n': 0 | body.n | invalid_value | must be in [1, 128], not 0",
        "'n': 129 | body.n | invalid_value | must be in [1, 128], not 129",
        "'seed': 9223372036854775808 | body.seed | invalid_value | must fit in 64 bits",
        "'ignore_eos': 1 | body.ignore_eos | invalid_type | must be true or false, not 1",
        "'return_token_ids': 'yes' | body.return_token_ids | invalid_type | must be true or false, not 'yes'",
        "'skip_special_tokens': {} | body.skip_special_tokens | invalid_type | must be true or false, not an object",
        "'tools': {} | body.tools | invalid_type | must be a list, not an object",
        "'tools': [1] | body.tools[0] | invalid_type | must be an object, not 1",
        "'chat_template_kwargs': [] | body.chat_template_kwargs | invalid_type | must be an object, not a list",
        "'metadata': {'k': 1} | body.metadata.k | invalid_type | body.metadata.k must be a string, not 1",
        "'metadata': {'k': null} | body.metadata.k | invalid_type | must be a string, not null",
        "'user': 'a', 'metadata': {'user': 'b'} | body.user | invalid_value | differs from body.metadata.user",
        "'priority': 1.5 | body.priority | invalid_type | must be an integer",
        "'shared_prefix_id': '' | body.shared_prefix_id | invalid_value | must not be empty",
        "'stream': true | body.stream | unsupported_value | body.stream true is not supported; only false is",
        "'response_format': {'type': 'json_object'} | body.response_format | unsupported_value | only {'type':'text'} is",
        "'tool_choice': 'required' | body.tool_choice | unsupported_value | only 'auto' or 'none' is",
        "'functions': [] | body.functions | unsupported_parameter | is not supported for /v1/chat/completions",
        "'prompt': 'x' | body.prompt | unsupported_parameter | is not supported for /v1/chat/completions",
        "'temprature': 1 | body.temprature | unknown_parameter | is not a field that is known here",
        "'temprature': null | body.temprature | unknown_parameter | is not a field that is known here",
        "'seed': 1, 'seed': 1 | body.seed | invalid_json_line | body.seed is given twice",
    })
    void badChatFieldIsNamedWithItsValue(String fields, String param, String code, String message) {
        assertRejected(chat("\"messages\": [{\"role\": \"user\", \"content\": \"x\"}], " + json(fields)), param, code, json(message));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'messages': [] | body.messages | invalid_value | must hold at least one message",
        "'messages': null | body.messages | missing_required_parameter | body.messages is missing",
        "'messages': 'x' | body.messages | invalid_type | must be a list, not 'x'",
        "'messages': [5] | body.messages[0] | invalid_type | must be an object, not 5",
        "'messages': [{'content': 'x'}] | body.messages[0].role | missing_required_parameter | body.messages[0].role is missing",
        "'messages': [{'role': ''}] | body.messages[0].role | invalid_value | must not be empty",
        "'messages': [{'role': 'user', 'content': 5}] | body.messages[0].content | invalid_type | must be a string, a list of parts or null",
        "'messages': [{'role': 'u', 'content': [{'type': 'image_url'}]}] | body.messages[0].content[0].type | unsupported_value | text only",
        "'messages': [{'role': 'u', 'content': [{'type': 'text'}]}] | body.messages[0].content[0].text | missing_required_parameter | is missing",
        "'messages': [{'role': 'u', 'role': 'v'}] | body.messages[0].role | invalid_json_line | body.messages[0].role is given twice",
        "'messages': [{'role': 'u', 'content': '\\ud800'}] | body.messages[0].content | invalid_value | half of a surrogate pair (\\ud800)",
    })
    void badMessageIsNamedWithItsPlace(String fields, String param, String code, String message) {
        assertRejected(chat(json(fields)), param, code, json(message));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'n': 1 | body.prompt | missing_required_parameter | body.prompt is missing",
        "'prompt': 5 | body.prompt | invalid_type | must be a string or a list of token ids",
        "'prompt': [] | body.prompt | invalid_value | must hold a prompt",
        "'prompt': ['a', 'b'] | body.prompt | unsupported_value | holds 2 prompts; a line is one job",
        "'prompt': [[1], [2]] | body.prompt | unsupported_value | holds 2 prompts; a line is one job",
        "'prompt': [[]] | body.prompt[0] | invalid_value | must hold at least one token id",
        "'prompt': [1, 'x'] | body.prompt[1] | invalid_type | must be an integer",
        "'prompt': [1, -5] | body.prompt[1] | invalid_value | must be a token id, 0 or above, not -5",
        "'prompt': 'x', 'messages': [] | body.messages | unsupported_parameter | is not supported for /v1/completions",
        "'prompt': 'x', 'logprobs': true | body.logprobs | invalid_type | must be an integer, not true",
        "'prompt': 'x', 'logprobs': 21 | body.logprobs | invalid_value | must be in [0, 20]",
        "'prompt': 'x', 'echo': true | body.echo | unsupported_value | only false is",
        "'prompt': 'x', 'best_of': 4 | body.best_of | unsupported_value | only the value of n (1) is",
    })
    void badCompletionFieldIsNamed(String fields, String param, String code, String message) {
        assertRejected(completion(json(fields)), param, code, json(message));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "nonsense | line-9 | invalid_json_line | line 9, column 9: not JSON: Unrecognized token",
        "[] | line-9 | invalid_json_line | a line must be an object",
        "{'custom_id': 'c', 'method': 'POST' | c | invalid_json_line | line 9, column 36: not JSON",
        "{'custom_id': 'c'} {} | c | invalid_json_line | there is text after the object",
        "{'custom_id': 'c', 'custom_id': 'd'} | c | invalid_json_line | custom_id is given twice",
        "{'method': 'POST'} | line-9 | missing_required_parameter | custom_id is missing",
        "{'custom_id': 5, 'method': 'POST', 'url': '/v1/completions', 'body': {}} | line-9 | invalid_type | custom_id must be a string, not 5",
        "{'custom_id': 'c', 'url': '/v1/completions', 'body': {}} | c | missing_required_parameter | method is missing",
        "{'custom_id': 'c', 'method': 'GET', 'url': '/v1/completions'} | c | invalid_method | must be 'POST', not 'GET'",
        "{'custom_id': 'c', 'method': 'POST', 'url': '/v1/embeddings'} | c | invalid_url | url '/v1/embeddings' is not served",
        "{'custom_id': 'c', 'method': 'POST', 'url': '/v1/completions'} | c | missing_required_parameter | body is missing",
        "{'custom_id': 'c', 'method': 'POST', 'url': '/v1/completions', 'body': []} | c | invalid_type | body must be an object",
        "{'custom_id': 'c', 'method': 'POST', 'url': '/v1/completions', 'body': {}} | c | missing_required_parameter | body.model is missing",
        "{'custom_id': 'c', 'method': 'POST', 'url': '/v1/completions', 'body': {'model': 5}} | c | invalid_type | body.model must be a string",
        "{'custom_id': 'c', 'extra': 1} | c | unknown_parameter | extra is not a member of a request line",
    })
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
        assertProblem(new BatchLineParser(line.length() - 1).parse(line, 9, DEFAULTS).getRejection(), "line_too_long", "the limit is");
    }

    @Test
    void withoutBatchTheCustomIdIsTheJobId() {
        assertEquals("c", parser.parse(completion("\"prompt\": \"x\""), 1, JobDefaults.noBatch(Instant.EPOCH)).getJobId());
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

    /** The tables above write JSON with single quotes. */
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
        return "{\"custom_id\": \"c\", \"method\": \"POST\", \"url\": \"%s\", \"body\": {\"model\": \"m\", %s}}"
                .formatted(url, fields);
    }
}
