package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

class PromptValidatorTest {
    private record Case(String param, Consumer<PromptJob.Builder> change) {
        @Override
        public String toString() {
            return param;
        }
    }

    private static final List<ChatMessage> ONE = List.of(new ChatMessage("user", "x", null));
    private final PromptValidator validator = new PromptValidator(Set.of("m"));

    static Stream<Case> wrong() {
        return Stream.of(
                new Case("custom_id", job -> job.setCustomId("")),
                new Case("tenant", job -> job.setTenant("")),
                new Case("body.model", job -> job.setModel("")),
                new Case("body.model", job -> job.setModel("other")),
                new Case("body.messages", job -> job.setMessages(List.of())),
                new Case("body.prompt", job -> job.setPrompt("x")),
                new Case("body.prompt", job -> job.setPromptTokenIds(List.of(1))),
                new Case(
                        "body.messages[0].role",
                        job -> job.setMessages(List.of(new ChatMessage("", "x", null)))),
                new Case(
                        "body.messages[0]",
                        job -> job.setMessages(List.of(new ChatMessage("user", "x", "[1]")))),
                new Case(
                        "body.messages[0]",
                        job -> job.setMessages(List.of(new ChatMessage("user", "x", "{\"a\"")))),
                new Case("body.tools", job -> job.setTools("{}")),
                new Case("body.tools", job -> job.setTools("[1] 2")),
                new Case("body.chat_template_kwargs", job -> job.setChatTemplateKwargs("[]")),
                new Case("body.shared_prefix_id", job -> job.setSharedPrefixId("")),
                new Case("body.prompt", job -> completion(job)),
                new Case(
                        "body.prompt",
                        job -> completion(job).setPrompt("x").setPromptTokenIds(List.of(1))),
                new Case("body.prompt", job -> completion(job).setPromptTokenIds(List.of())),
                new Case(
                        "body.prompt[1]", job -> completion(job).setPromptTokenIds(List.of(1, -1))),
                new Case("body.messages", job -> completion(job).setPrompt("x").setMessages(ONE)),
                new Case(
                        "body.shared_prefix_id",
                        job -> completion(job).setPrompt("x").setSharedPrefixId("p")),
                sampling("body.temperature", s -> s.setTemperature(Double.NaN)),
                sampling("body.temperature", s -> s.setTemperature(2.1)),
                sampling("body.top_p", s -> s.setTopP(0.0)),
                sampling("body.top_k", s -> s.setTopK(-2)),
                sampling("body.min_p", s -> s.setMinP(1.1)),
                sampling(
                        "body.repetition_penalty",
                        s -> s.setRepetitionPenalty(Double.POSITIVE_INFINITY)),
                sampling("body.presence_penalty", s -> s.setPresencePenalty(3.0)),
                sampling("body.frequency_penalty", s -> s.setFrequencyPenalty(-2.5)),
                sampling("body.max_tokens", s -> s.setMaxTokens(0)),
                sampling("body.n", s -> s.setN(0)),
                sampling("body.top_logprobs", s -> s.setLogprobs(21)),
                sampling("body.logit_bias", s -> s.setLogitBias(Map.of("-1", 1.0))),
                sampling("body.logit_bias.1", s -> s.setLogitBias(Map.of("1", Double.NaN))),
                sampling("body.stop", s -> s.setStop(List.of(""))),
                sampling("body.stop", s -> s.setStop(Collections.nCopies(65, "x"))),
                sampling(
                        "body.stop_token_ids",
                        s -> s.setStopTokenIds(Collections.nCopies(1025, 1))),
                sampling("body.stop_token_ids[0]", s -> s.setStopTokenIds(List.of(-5))));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void whatAnAvroProducerCanGetWrongIsNamed(Case wrong) {
        PromptJob.Builder job = IngestDriver.job("1");
        wrong.change().accept(job);
        Ending ending = validator.check(job.build(), IngestDriver.START);
        assertNotNull(ending, "passed");
        assertEquals(wrong.param(), ending.error().getParam());
    }

    @Test
    void whatIsRightPasses() {
        assertNull(validator.check(IngestDriver.job("1").build(), IngestDriver.START));
        assertNull(
                validator.check(
                        IngestDriver.job("1").setMessages(List.of()).setSharedPrefixId("p").build(),
                        IngestDriver.START));
        assertNull(
                validator.check(
                        completion(IngestDriver.job("1")).setPrompt("").build(),
                        IngestDriver.START));
        PromptJob.Builder full =
                IngestDriver.job("1").setTools("[{}]").setChatTemplateKwargs("{\"a\":[1]}");
        full.setMessages(List.of(new ChatMessage("tool", null, "{\"tool_call_id\":\"1\"}")));
        assertNull(validator.check(full.build(), IngestDriver.START));
        assertNull(
                new PromptValidator(Set.of())
                        .check(IngestDriver.job("1").setModel("any").build(), IngestDriver.START));
    }

    private static Case sampling(String param, Consumer<SamplingParams.Builder> change) {
        return new Case(
                param,
                job -> {
                    SamplingParams.Builder sampling = SamplingParams.newBuilder();
                    change.accept(sampling);
                    job.setSampling(sampling.build());
                });
    }

    private static PromptJob.Builder completion(PromptJob.Builder job) {
        return job.setEndpoint(Endpoint.COMPLETIONS).setMessages(List.of());
    }
}
