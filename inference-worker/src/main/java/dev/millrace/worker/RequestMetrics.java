package dev.millrace.worker;

import dev.millrace.engine.api.EngineResult.Timing;
import dev.millrace.engine.api.FinishReason;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

import java.util.HashMap;
import java.util.Map;

/**
 * Histograms of what requests experienced in the engine, under vLLM's names. Times begin when the
 * worker gives the request to the engine; waiting in Kafka is lag, not latency.
 *
 * <pre>
 * millrace_time_to_first_token_seconds             until the first token was there
 * millrace_e2e_request_latency_seconds             until the request ended
 * millrace_request_queue_time_seconds              until the engine first scheduled it
 * millrace_request_prefill_time_seconds            from then until the first token
 * millrace_request_decode_time_seconds             from the first token to the end
 * millrace_request_time_per_output_token_seconds   decode time per token after the first
 * millrace_request_prompt_tokens                   tokens of the prompt
 * millrace_request_generation_tokens               tokens generated, all choices together
 * millrace_request_success_total{finished_reason}  choices, by why they ended
 * </pre>
 */
final class RequestMetrics {
    private static final double[] LATENCY_BUCKETS = {
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
        600, 1800, 3600, 7200
    };
    private static final double[] PER_TOKEN_BUCKETS = {
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
        0.3, 0.4, 0.5, 0.75, 1, 2.5
    };
    private static final double[] TOKEN_BUCKETS = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
        200_000
    };

    private final DistributionSummary timeToFirstToken;
    private final DistributionSummary endToEnd;
    private final DistributionSummary queue;
    private final DistributionSummary prefill;
    private final DistributionSummary decode;
    private final DistributionSummary perOutputToken;
    private final DistributionSummary promptTokens;
    private final DistributionSummary generationTokens;
    private final Map<String, Counter> finished = new HashMap<>();
    private final MeterRegistry registry;
    private final Tags tags;

    RequestMetrics(MeterRegistry registry, Tags tags) {
        Maker make = new Maker(registry, tags);
        timeToFirstToken =
                make.latency("time.to.first.token", "Time from the engine to the first token.");
        endToEnd = make.latency("e2e.request.latency", "Time from the engine to the end.");
        queue = make.latency("request.queue.time", "Time before the engine first scheduled it.");
        prefill = make.latency("request.prefill.time", "Time from there to the first token.");
        decode = make.latency("request.decode.time", "Time from the first token to the end.");
        perOutputToken =
                make.seconds(
                        "request.time.per.output.token",
                        "Decode time for each token after the first.",
                        PER_TOKEN_BUCKETS);
        promptTokens = make.tokens("request.prompt.tokens", "Tokens of a request's prompt.");
        generationTokens =
                make.tokens("request.generation.tokens", "Tokens generated for a request.");
        this.registry = registry;
        this.tags = tags;
        // From the start on, so that a rate can be taken of the first one.
        for (FinishReason reason : FinishReason.values()) {
            ended(reason.openAiName());
        }
    }

    /** The engine's three reasons, and whatever a remote server has besides. */
    private Counter ended(String reason) {
        return finished.computeIfAbsent(
                reason,
                name ->
                        Counter.builder("millrace.request.success")
                                .description("Choices, by why they ended.")
                                .tags(tags.and("finished_reason", name))
                                .register(registry));
    }

    void finished(JobAnswer result) {
        result.choices().forEach(choice -> ended(choice.getFinishReason()).increment());
        promptTokens.record(result.promptTokens());
        generationTokens.record(result.completionTokens());
        Timing timing = result.timing();
        if (timing.finishedMs() < timing.submittedMs() || timing.submittedMs() <= 0) {
            return;
        }
        endToEnd.record(seconds(timing.submittedMs(), timing.finishedMs()));
        if (timing.firstScheduledMs() <= 0) {
            return;
        }
        queue.record(seconds(timing.submittedMs(), timing.firstScheduledMs()));
        if (timing.firstTokenMs() <= 0) {
            return;
        }
        timeToFirstToken.record(seconds(timing.submittedMs(), timing.firstTokenMs()));
        prefill.record(seconds(timing.firstScheduledMs(), timing.firstTokenMs()));
        double decodeSeconds = seconds(timing.firstTokenMs(), timing.finishedMs());
        decode.record(decodeSeconds);
        if (result.longestChoice() > 1) {
            perOutputToken.record(decodeSeconds / (result.longestChoice() - 1));
        }
    }

    private static double seconds(long fromMs, long toMs) {
        return Math.max(0, toMs - fromMs) / 1000.0;
    }

    private record Maker(MeterRegistry registry, Tags tags) {
        DistributionSummary latency(String name, String doc) {
            return seconds(name, doc, LATENCY_BUCKETS);
        }

        DistributionSummary seconds(String name, String doc, double[] buckets) {
            return summary(name, doc, buckets).baseUnit("seconds").register(registry);
        }

        DistributionSummary tokens(String name, String doc) {
            return summary(name, doc, TOKEN_BUCKETS).register(registry);
        }

        private DistributionSummary.Builder summary(String name, String doc, double[] buckets) {
            return DistributionSummary.builder("millrace." + name)
                    .description(doc)
                    .serviceLevelObjectives(buckets)
                    .tags(tags);
        }
    }
}
