package dev.millrace.worker.remote;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;

import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** Jobs, settings and answers for the remote engine's tests. */
final class TestAnswers {
    static final String SERVED = "served";

    private TestAnswers() {}

    static PromptJob chatJob(String id) {
        return PromptJob.newBuilder()
                .setJobId(id)
                .setCustomId(id)
                .setModel(SERVED)
                .setMessages(
                        List.of(
                                ChatMessage.newBuilder()
                                        .setRole("user")
                                        .setContent("say " + id)
                                        .build()))
                .setSampling(SamplingParams.newBuilder().setMaxTokens(10).build())
                .setCreatedAt(Instant.EPOCH)
                .build();
    }

    static PromptJob textJob(String id) {
        PromptJob job = chatJob(id);
        job.setEndpoint(Endpoint.COMPLETIONS);
        job.setMessages(List.of());
        job.setPrompt("say " + id);
        return job;
    }

    /** Two at once, 60 s each, 3 attempts 1 to 4 s apart, 3 failures open the breaker for 10 s. */
    static RemoteConfig config(ServerKind kind) {
        return new RemoteConfig(
                URI.create("http://server:1/v1"),
                null,
                SERVED,
                "remote",
                kind,
                2,
                Duration.ofSeconds(60),
                new RemoteConfig.Retry(3, Duration.ofSeconds(1), Duration.ofSeconds(4)),
                new RemoteConfig.Breaker(3, Duration.ofSeconds(10)));
    }

    static String chat(String text) {
        return """
        {"id":"x","object":"chat.completion","model":"remote","choices":[{"index":0,"message":
        {"role":"assistant","content":"%s","tool_calls":[]},"logprobs":null,"finish_reason":"stop"}],
        "usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,
        "prompt_tokens_details":{"cached_tokens":5}}}\
        """
                .formatted(text);
    }
}
