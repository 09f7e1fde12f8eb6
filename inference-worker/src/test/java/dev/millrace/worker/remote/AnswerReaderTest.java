package dev.millrace.worker.remote;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.Choice;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Usage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.charset.StandardCharsets;
import java.util.List;

class AnswerReaderTest {
    private static final String USAGE = "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}";

    private final PromptJob chat = TestAnswers.chatJob("a");
    private final PromptJob text = TestAnswers.textJob("a");

    @Test
    void choicesComeInTheOrderOfTheirIndex() throws Exception {
        text.getSampling().setN(2);
        var answer =
                read(
                        """
                        {"choices":[{"index":1,"text":"b","finish_reason":"length"},
                        {"index":0,"text":"a","finish_reason":"eos_token"}],%s}\
                        """
                                .formatted(USAGE),
                        text);
        assertEquals(List.of("a", "b"), answer.choices().stream().map(Choice::getText).toList());
        assertEquals("stop", answer.choices().get(0).getFinishReason());
        assertEquals(new Usage(7, 0, 3), answer.usage());
    }

    @Test
    void toolCallsAndReasoningAreKept() throws Exception {
        Choice choice =
                read(
                                """
                                {"choices":[{"index":0,"finish_reason":"tool_calls",
                                "message":{"role":"assistant",
                                "content":null,"refusal":null,"reasoning_content":"hm",
                                "tool_calls":[{"id":"1"}]}}],%s}\
                                """
                                        .formatted(USAGE),
                                chat)
                        .choices()
                        .get(0);
        assertEquals("", choice.getText());
        assertEquals("tool_calls", choice.getFinishReason());
        assertEquals(
                "{\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"1\"}]}",
                choice.getMessageExtra());
    }

    @Test
    void tokenIdsAreFoundWhereServersPutThem() throws Exception {
        chat.getSampling().setReturnTokenIds(true);
        String vllm =
                "{\"prompt_token_ids\":[4],\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","
                    + "\"token_ids\":[5,6],"
                    + "\"message\":{\"content\":\"x\"}}],"
                        + USAGE
                        + "}";
        Choice choice = read(vllm, chat).choices().get(0);
        assertEquals(List.of(5, 6), choice.getTokenIds());
        assertEquals(List.of(4), choice.getPromptTokenIds());
        String lmdeploy =
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","
                        + "\"message\":{\"content\":\"x\",\"gen_tokens\":[8]}}],"
                        + USAGE
                        + "}";
        assertEquals(List.of(8), read(lmdeploy, chat).choices().get(0).getTokenIds());
        assertThrows(
                MalformedAnswerException.class,
                () -> read(TestAnswers.chat("x"), chat),
                "asked for, and missing");
    }

    @Test
    void logprobsAreReadInBothShapes() throws Exception {
        chat.getSampling().setLogprobs(1);
        String objects =
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"x\"},"
                    + "\"logprobs\":{\"content\":[{\"id\":9,\"token\":\"x\",\"bytes\":[120],"
                    + "\"logprob\":-0.5,\"top_logprobs\":["
                    + "{\"token\":\"x\",\"logprob\":-0.5},{\"token\":\"y\",\"logprob\":-1.5}]}]}}],"
                        + USAGE
                        + "}";
        var token = read(objects, chat).choices().get(0).getLogprobs().get(0);
        assertEquals(9, token.getTokenId());
        assertEquals(1, token.getTop().size(), "no more than asked for");
        assertEquals(LogprobsReader.UNKNOWN_ID, token.getTop().get(0).getTokenId());
        text.getSampling().setLogprobs(2);
        String lists =
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"text\":\"x\","
                    + "\"logprobs\":{\"tokens\":[\"x\"],"
                    + "\"token_logprobs\":[-0.5],\"top_logprobs\":[{\"y\":-1.5,\"x\":-0.5}]}}],"
                        + USAGE
                        + "}";
        token = read(lists, text).choices().get(0).getLogprobs().get(0);
        assertEquals(-0.5, token.getLogprob());
        assertEquals("x", token.getTop().get(0).getToken(), "best first");
        assertThrows(
                MalformedAnswerException.class,
                () -> read(TestAnswers.chat("x"), chat),
                "asked for, and missing");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<html>",
                "[]",
                "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"x\"}}]}",
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"x\"}}],"
                    + "\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1}}",
                "{\"choices\":[{\"index\":1,\"finish_reason\":\"stop\",\"message\":{\"content\":\"x\"}}],"
                    + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
                "{\"choices\":[{\"index\":0,\"finish_reason\":null,\"message\":{\"content\":\"x\"}}],"
                    + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}",
                "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}],"
                        + "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}"
            })
    void whatCannotBeUsedIsRefused(String body) {
        assertThrows(MalformedAnswerException.class, () -> read(body, chat));
    }

    @Test
    void aGoodAnswerPasses() throws Exception {
        assertEquals("x", read(TestAnswers.chat("x"), chat).choices().get(0).getText());
        assertNull(read(TestAnswers.chat("x"), chat).choices().get(0).getMessageExtra());
    }

    @Test
    void errorsAreReadInEveryShape() {
        ErrorInfo openAi =
                error(
                        400,
                        "{\"error\":{\"message\":\"m\",\"param\":\"p\","
                            + "\"code\":\"context_length_exceeded\"}}");
        assertEquals("context_length_exceeded", openAi.getCode());
        assertEquals("body.p", openAi.getParam());
        for (String body :
                List.of(
                        "{\"object\":\"error\",\"message\":\"m\",\"code\":400}",
                        "{\"error\":\"m\",\"error_type\":\"validation\"}",
                        "{\"detail\":\"m\"}",
                        "m")) {
            assertEquals("the remote server answered 400: m", error(400, body).getMessage(), body);
            assertEquals("invalid_request", error(400, body).getCode(), body);
        }
        assertTrue(error(422, "{\"detail\":[{\"loc\":[\"body\"]}]}").getMessage().contains("loc"));
    }

    @ParameterizedTest
    @CsvSource({
        "30, 30000",
        "0, 0",
        "999999999999, 3600000",
        "'Tue, 14 Nov 2023 22:13:30 GMT', 10000",
        "'Tue, 14 Nov 2023 22:13:10 GMT', 0",
        "soon, 0",
        "-5, 0",
    })
    void retryAfterIsSecondsOrADate(String header, long expectedMs) {
        assertEquals(expectedMs, RetryAfter.delayMs(header, 1_700_000_000_000L));
    }

    private static AnswerReader.Answer read(String body, PromptJob job)
            throws MalformedAnswerException {
        return AnswerReader.read(body.getBytes(StandardCharsets.UTF_8), job);
    }

    private static ErrorInfo error(int status, String body) {
        return ErrorReader.read(status, body.getBytes(StandardCharsets.UTF_8));
    }
}
