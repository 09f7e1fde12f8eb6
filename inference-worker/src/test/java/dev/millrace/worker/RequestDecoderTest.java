package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.TextConstraint;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.ConstraintKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

class RequestDecoderTest {
    private final LoadedModel model =
            TestJobs.model(
                    new NoOpEngine(),
                    new GenerationDefaults(0.6, 0.9, 20, null, 1.1, new int[] {2}));
    private final RequestDecoder decoder = new RequestDecoder(model);

    @Test
    void openValuesComeFromTheCheckpointAndThenFromOpenAi() {
        PromptJob job = TestJobs.job("a");
        EngineRequest request = decoder.decode(job, 5);
        assertEquals(5, request.requestId());
        assertEquals(0.6, request.sampling().temperature());
        assertEquals(0.9, request.sampling().topP());
        assertEquals(20, request.sampling().topK());
        assertEquals(0, request.sampling().minP());
        assertEquals(1.1, request.sampling().repetitionPenalty());
        assertEquals(-1, request.sampling().logprobs());
        assertEquals(16, request.sampling().maxTokens(), "OpenAI's default for completions");
    }

    @Test
    void theJobsOwnValuesWin() {
        PromptJob job = TestJobs.job("a");
        job.getSampling().setTemperature(0.0);
        job.getSampling().setTopK(-1);
        job.getSampling().setMaxTokens(7);
        job.getSampling().setLogitBias(Map.of("42", -100.0));
        job.getSampling().setSeed(99L);
        job.setPriority(3);
        EngineRequest request = decoder.decode(job, 1);
        assertEquals(0, request.sampling().temperature());
        assertEquals(0, request.sampling().topK(), "-1 keeps all, as 0 does");
        assertEquals(7, request.sampling().maxTokens());
        assertEquals(Map.of(42, -100f), request.sampling().logitBias());
        assertEquals(99, request.sampling().seed());
        assertEquals(3, request.priority());
    }

    @Test
    void theFormOfTheAnswerReachesTheEngine() {
        PromptJob job = TestJobs.job("a");
        assertNull(decoder.decode(job, 1).constraint());
        job.setConstraint(
                new OutputConstraint(ConstraintKind.REGEX, "a+", "body.guided_regex", null));
        assertEquals(
                new TextConstraint(TextConstraint.Kind.REGEX, "a+", "body.guided_regex"),
                decoder.decode(job, 1).constraint());
        job.getSampling().setIgnoreEos(true);
        assertRejected("invalid_request", "ignore_eos", job);
    }

    @Test
    void aTemplateCanTellAnAbsentContentFromANull() {
        PromptJob job = TestJobs.job("a");
        job.setEndpoint(Endpoint.CHAT_COMPLETIONS);
        job.setMessages(
                List.of(
                        new ChatMessage("assistant", null, "{\"tool_calls\":[]}"),
                        new ChatMessage("assistant", null, "{\"content\":null}")));
        decoder.decode(job, 1);
        TestJobs.CharEncoder template = (TestJobs.CharEncoder) model.prompts();
        assertFalse(template.lastMessages.get(0).containsKey("content"));
        assertTrue(template.lastMessages.get(1).containsKey("content"));
    }

    @Test
    void anAbsentSeedIsAFunctionOfTheJobId() {
        assertEquals(
                RequestDecoder.seedOf(TestJobs.job("a")), RequestDecoder.seedOf(TestJobs.job("a")));
        assertNotEquals(
                RequestDecoder.seedOf(TestJobs.job("a")), RequestDecoder.seedOf(TestJobs.job("b")));
    }

    @Test
    void messagesReachTheTemplateWithEverythingTheyHold() {
        PromptJob job =
                chat(
                        new ChatMessage("system", "Be brief.", null),
                        new ChatMessage("assistant", null, "{\"tool_calls\":[{\"id\":\"1\"}]}"));
        job.setTools("[{\"type\":\"function\"}]");
        job.setChatTemplateKwargs("{\"enable_thinking\":false}");
        EngineRequest request = decoder.decode(job, 1);
        TestJobs.CharEncoder template = (TestJobs.CharEncoder) model.prompts();
        assertEquals("Be brief.", template.lastMessages.get(0).get("content"));
        assertEquals(List.of(Map.of("id", "1")), template.lastMessages.get(1).get("tool_calls"));
        assertEquals(List.of(Map.of("type", "function")), template.lastTools);
        assertEquals(Map.of("enable_thinking", false), template.lastVariables);
        assertEquals(
                TestJobs.MAX_MODEL_LEN - request.promptTokenIds().length,
                request.sampling().maxTokens(),
                "chat takes the rest of the context");
    }

    @Test
    void tokenIdsAreTakenAsTheyAre() {
        PromptJob job = TestJobs.job("a");
        job.setPrompt(null);
        job.setPromptTokenIds(List.of(5, 6, 7));
        assertArrayEquals(new int[] {5, 6, 7}, decoder.decode(job, 1).promptTokenIds());
    }

    @Test
    void whatCannotRunIsRefusedByName() {
        PromptJob otherModel = TestJobs.job("a");
        otherModel.setModel("gpt-x");
        assertRejected("model_not_found", "model", otherModel);

        PromptJob tooLong = TestJobs.job("a");
        tooLong.setPrompt("x".repeat(TestJobs.MAX_MODEL_LEN));
        assertRejected("context_length_exceeded", "prompt", tooLong);
        tooLong.setPrompt("x".repeat(TestJobs.MAX_MODEL_LEN - 1));
        assertEquals(
                1,
                decoder.decode(tooLong, 1).sampling().maxTokens(),
                "the control: one token less fits");

        PromptJob tooMuch = TestJobs.job("a");
        tooMuch.getSampling().setMaxTokens(TestJobs.MAX_MODEL_LEN);
        assertRejected("context_length_exceeded", "max_tokens", tooMuch);

        PromptJob bias = TestJobs.job("a");
        bias.getSampling().setLogitBias(Map.of("hello", 1.0));
        assertRejected("invalid_request", "logit_bias", bias);

        PromptJob hot = TestJobs.job("a");
        hot.getSampling().setTemperature(3.0);
        assertRejected("invalid_request", "temperature", hot);

        assertRejected("invalid_request", "messages", chat());
        assertRejected(
                "invalid_request", "messages[0]", chat(new ChatMessage("user", null, "{broken")));

        PromptJob noPrompt = TestJobs.job("a");
        noPrompt.setPrompt(null);
        assertRejected("invalid_request", "prompt", noPrompt);

        PromptJob rejected = TestJobs.job("a");
        rejected.setRejection(new ErrorInfo("invalid_request", "unknown field 'foo'", "body.foo"));
        assertRejected("invalid_request", "body.foo", rejected);
    }

    private void assertRejected(String code, String param, PromptJob job) {
        RequestRejectedException e =
                assertThrows(RequestRejectedException.class, () -> decoder.decode(job, 1));
        assertEquals(code, e.code());
        assertEquals(param, e.param());
    }

    private static PromptJob chat(ChatMessage... messages) {
        PromptJob job = TestJobs.job("a");
        job.setEndpoint(Endpoint.CHAT_COMPLETIONS);
        job.setPrompt(null);
        job.setMessages(List.of(messages));
        return job;
    }
}
