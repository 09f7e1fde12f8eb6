package dev.millrace.worker.remote;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.ConstraintKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

class RequestWriterTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void aConversationKeepsEveryMember() throws Exception {
        PromptJob job = everything(TestAnswers.chatJob("a"));
        job.setMessages(
                List.of(
                        ChatMessage.newBuilder().setRole("user").setContent("hi").build(),
                        ChatMessage.newBuilder()
                                .setRole("assistant")
                                .setExtra("{\"tool_calls\":[{\"id\":\"1\"}]}")
                                .build()));
        job.setTools("[{\"type\":\"function\"}]");
        job.setChatTemplateKwargs("{\"enable_thinking\":false}");
        RemoteRequest request = writer(ServerKind.VLLM).write(job, 5);
        assertEquals("/chat/completions", request.path());
        JsonNode expected =
                JSON.readTree(
                        """
                        {"model":"remote","messages":[{"role":"user","content":"hi"},
                        {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}],
                        "tools":[{"type":"function"}],"chat_template_kwargs":{"enable_thinking":false},
                        "max_tokens":10,"temperature":0.5,"top_p":0.9,"stop":["x"],"seed":-3,"top_k":4,
                        "min_p":0.1,"repetition_penalty":1.1,"presence_penalty":0.2,
                        "frequency_penalty":0.3,"logit_bias":{"7":1.5},"logprobs":true,"top_logprobs":2,
                        "stop_token_ids":[9],"n":2,"ignore_eos":true,"skip_special_tokens":false,
                        "return_token_ids":true}\
                        """);
        assertEquals(expected, JSON.readTree(request.json()));
    }

    @Test
    void contentAsAListOfPartsStaysAList() throws Exception {
        PromptJob job = TestAnswers.chatJob("a");
        job.setMessages(
                List.of(
                        ChatMessage.newBuilder()
                                .setRole("user")
                                .setExtra("{\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}")
                                .build()));
        JsonNode message =
                JSON.readTree(writer(ServerKind.OPENAI).write(job, 1).json()).at("/messages/0");
        assertEquals("hi", message.at("/content/0/text").asText());
    }

    @Test
    void whatIsLeftOpenIsLeftToTheServerButForSeedAndLength() throws Exception {
        PromptJob job = TestAnswers.textJob("a");
        job.setSampling(SamplingParams.newBuilder().build());
        JsonNode body = JSON.readTree(writer(ServerKind.OPENAI).write(job, 1).json());
        assertEquals(Set.of("model", "prompt", "max_tokens", "seed"), names(body));
        assertEquals(16, body.path("max_tokens").intValue());
        assertTrue(body.path("seed").longValue() >= 0 && body.path("seed").longValue() < 1L << 31);
        assertEquals(
                body,
                JSON.readTree(writer(ServerKind.OPENAI).write(job, 2).json()),
                "each attempt the same");
    }

    @Test
    void eachKindHasItsOwnNames() throws Exception {
        PromptJob job = TestAnswers.chatJob("a");
        assertTrue(
                JSON.readTree(writer(ServerKind.OPENAI).write(job, 1).json())
                        .has("max_completion_tokens"));
        job.getSampling().setRepetitionPenalty(1.2);
        job.getSampling().setLogprobs(0);
        JsonNode body = JSON.readTree(writer(ServerKind.LLAMACPP).write(job, 1).json());
        assertEquals(1.2, body.path("repeat_penalty").doubleValue());
        assertEquals(1, body.path("top_logprobs").intValue(), "llama.cpp reports nothing for 0");
    }

    @Test
    void theFormOfTheAnswerGoesUnderTheNameThatTheServerKnows() throws Exception {
        PromptJob job = TestAnswers.chatJob("a");
        job.setConstraint(
                new OutputConstraint(
                        ConstraintKind.JSON_SCHEMA, "{\"type\":\"null\"}", "response_format", "n"));
        assertEquals(
                JSON.readTree(
                        """
                        {"type":"json_schema","json_schema":
                         {"name":"n","strict":true,"schema":{"type":"null"}}}
                        """),
                JSON.readTree(writer(ServerKind.OPENAI).write(job, 1).json())
                        .get("response_format"));
        job.setConstraint(
                new OutputConstraint(ConstraintKind.CHOICE, "[\"a\"]", "guided_choice", null));
        assertEquals(
                JSON.readTree("{\"choice\":[\"a\"]}"),
                JSON.readTree(writer(ServerKind.VLLM).write(job, 1).json())
                        .get("structured_outputs"));
    }

    /** Every field and kind: sent under its name, or refused by its name. Nothing is dropped. */
    @ParameterizedTest
    @EnumSource(ServerKind.class)
    void aFieldIsSentOrRefused(ServerKind kind) throws Exception {
        for (Endpoint endpoint : Endpoint.values()) {
            for (RequestField field : RequestField.values()) {
                PromptJob job = with(field, endpoint);
                if (job == null) {
                    continue;
                }
                if (kind.knows(field, endpoint)) {
                    int without =
                            JSON.readTree(writer(kind).write(plain(endpoint), 1).json()).size();
                    JsonNode body = JSON.readTree(writer(kind).write(job, 1).json());
                    boolean isReplaced = field == RequestField.PROMPT_TOKEN_IDS;
                    assertTrue(
                            body.size() > without || isReplaced,
                            field + " is not in " + names(body));
                } else {
                    RequestRejectedException e =
                            assertThrows(
                                    RequestRejectedException.class,
                                    () -> writer(kind).write(job, 1),
                                    kind + " " + field);
                    assertEquals(field.jsonName(), e.param());
                    assertEquals("unsupported_parameter", e.code());
                }
            }
        }
    }

    @Test
    void aValueThatChangesNothingIsNoReasonToRefuse() throws Exception {
        PromptJob job = TestAnswers.chatJob("a");
        job.getSampling().setTopK(-1);
        job.getSampling().setMinP(0.0);
        job.getSampling().setRepetitionPenalty(1.0);
        JsonNode body = JSON.readTree(writer(ServerKind.OPENAI).write(job, 1).json());
        assertFalse(body.has("top_k") || body.has("min_p") || body.has("repetition_penalty"));
    }

    @Test
    void anotherModelIsRefused() {
        PromptJob job = TestAnswers.chatJob("a");
        job.setModel("other");
        var e =
                assertThrows(
                        RequestRejectedException.class,
                        () -> writer(ServerKind.VLLM).write(job, 1));
        assertEquals("model_not_found", e.code());
    }

    /** Whoever adds a field to the contract must decide here what a remote server is told of it. */
    @Test
    void theContractHasNoFieldThatThisWriterHasNotHeardOf() {
        Set<String> known =
                new TreeSet<>(
                        Set.of(
                                "maxTokens",
                                "temperature",
                                "topP",
                                "topK",
                                "minP",
                                "repetitionPenalty",
                                "presencePenalty",
                                "frequencyPenalty",
                                "logitBias",
                                "logprobs",
                                "stop",
                                "stopTokenIds",
                                "n",
                                "seed",
                                "ignoreEos",
                                "skipSpecialTokens",
                                "returnTokenIds"));
        Set<String> fields =
                SamplingParams.getClassSchema().getFields().stream()
                        .map(Schema.Field::name)
                        .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(known, fields);
    }

    private static RequestWriter writer(ServerKind kind) {
        return new RequestWriter(TestAnswers.config(kind));
    }

    private static PromptJob plain(Endpoint endpoint) {
        return endpoint == Endpoint.CHAT_COMPLETIONS
                ? TestAnswers.chatJob("a")
                : TestAnswers.textJob("a");
    }

    /** A job that asks for this one field; null where the endpoint has no such thing. */
    private static PromptJob with(RequestField field, Endpoint endpoint) {
        boolean isChat = endpoint == Endpoint.CHAT_COMPLETIONS;
        PromptJob job = plain(endpoint);
        SamplingParams sampling = job.getSampling();
        switch (field) {
            case TOP_K -> sampling.setTopK(4);
            case MIN_P -> sampling.setMinP(0.1);
            case REPETITION_PENALTY -> sampling.setRepetitionPenalty(1.1);
            case PRESENCE_PENALTY -> sampling.setPresencePenalty(0.2);
            case FREQUENCY_PENALTY -> sampling.setFrequencyPenalty(0.3);
            case LOGIT_BIAS -> sampling.setLogitBias(Map.of("7", 1.5));
            case LOGPROBS -> sampling.setLogprobs(2);
            case STOP_TOKEN_IDS -> sampling.setStopTokenIds(List.of(9));
            case N -> sampling.setN(2);
            case IGNORE_EOS -> sampling.setIgnoreEos(true);
            case SKIP_SPECIAL_TOKENS -> sampling.setSkipSpecialTokens(false);
            case RETURN_TOKEN_IDS -> sampling.setReturnTokenIds(true);
            case RESPONSE_FORMAT ->
                    job.setConstraint(
                            new OutputConstraint(
                                    ConstraintKind.JSON_SCHEMA, "{\"type\":\"null\"}", "f", null));
            case STRUCTURED_OUTPUTS ->
                    job.setConstraint(
                            new OutputConstraint(ConstraintKind.REGEX, "a+", "f", null));
            case TOOLS -> job.setTools("[{}]");
            case CHAT_TEMPLATE_KWARGS -> job.setChatTemplateKwargs("{\"a\":1}");
            case PROMPT_TOKEN_IDS -> {
                job.setPrompt(null);
                job.setPromptTokenIds(List.of(1, 2));
            }
        }
        boolean isChatOnly =
                field == RequestField.TOOLS || field == RequestField.CHAT_TEMPLATE_KWARGS;
        boolean isTextOnly = field == RequestField.PROMPT_TOKEN_IDS;
        return isChat && isTextOnly || !isChat && isChatOnly ? null : job;
    }

    private static PromptJob everything(PromptJob job) {
        SamplingParams sampling = job.getSampling();
        sampling.setTemperature(0.5);
        sampling.setTopP(0.9);
        sampling.setTopK(4);
        sampling.setMinP(0.1);
        sampling.setRepetitionPenalty(1.1);
        sampling.setPresencePenalty(0.2);
        sampling.setFrequencyPenalty(0.3);
        sampling.setLogitBias(Map.of("7", 1.5));
        sampling.setLogprobs(2);
        sampling.setStop(List.of("x"));
        sampling.setStopTokenIds(List.of(9));
        sampling.setN(2);
        sampling.setSeed(-3L);
        sampling.setIgnoreEos(true);
        sampling.setSkipSpecialTokens(false);
        sampling.setReturnTokenIds(true);
        return job;
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
