package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Usage;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.junit.jupiter.api.Test;

import java.util.List;

class RequestMetricsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final RequestMetrics metrics = new RequestMetrics(registry, Tags.of("worker", "w"));

    @Test
    void aRequestIsSeenInEveryHistogramItReached() {
        metrics.finished(result(new EngineResult.Timing(1_000, 1_500, 3_500, 5_500), 5));
        assertEquals(2.5, total("millrace.time.to.first.token"));
        assertEquals(4.5, total("millrace.e2e.request.latency"));
        assertEquals(0.5, total("millrace.request.queue.time"));
        assertEquals(2.0, total("millrace.request.prefill.time"));
        assertEquals(2.0, total("millrace.request.decode.time"));
        assertEquals(0.5, total("millrace.request.time.per.output.token"));
        assertEquals(7.0, total("millrace.request.prompt.tokens"));
        assertEquals(5.0, total("millrace.request.generation.tokens"));
        assertEquals(
                1.0,
                registry.get("millrace.request.success")
                        .tag("finished_reason", "stop")
                        .counter()
                        .count());
    }

    @Test
    void aRequestThatNeverRanHasNoTimes() {
        metrics.finished(result(new EngineResult.Timing(0, 0, 0, 0), 1));
        assertEquals(0, registry.get("millrace.e2e.request.latency").summary().count());
        assertEquals(1, registry.get("millrace.request.prompt.tokens").summary().count());
    }

    private double total(String name) {
        DistributionSummary summary = registry.get(name).summary();
        assertEquals(1, summary.count(), name);
        return summary.totalAmount();
    }

    private static JobAnswer result(EngineResult.Timing timing, int tokens) {
        Choice choice = Choice.newBuilder().setIndex(0).setText("").setFinishReason("stop").build();
        return new JobAnswer(1, List.of(choice), new Usage(7, 0, tokens), null, timing, tokens, 0);
    }
}
