package dev.millrace.ops.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.ops.bench.BenchRun.Outcome;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

class BenchReportTest {
    @Test
    void figuresAreTheRunsOwn() {
        StepAllocations allocations = allocations(40, 50_000, 0, 40, 40);
        Outcome run =
                new Outcome(
                        2, List.of(), 1000, 400, 64, stats(5, 700), stats(25, 1500), allocations);
        ObjectNode json = BenchReport.json(List.of(run), 0);
        assertEquals(0.4, json.path("hit_ratio").asDouble(), 1e-9);
        assertEquals(0.8, json.path("ideal_hit_ratio").asDouble(), 1e-9);
        assertEquals(20, json.path("steps").asLong());
        assertEquals(40, json.path("allocated_bytes_per_step").asLong());
        assertEquals(10_024, json.path("mean_allocated_bytes_per_step").asLong());
    }

    private static StepAllocations allocations(long... ofSteps) {
        AtomicLong allocated = new AtomicLong(7);
        StepAllocations allocations = new StepAllocations(allocated::get);
        for (long bytes : ofSteps) {
            allocations.begin();
            allocated.addAndGet(bytes);
            allocations.end();
        }
        return allocations;
    }

    private static EngineStats stats(long steps, long idealCachedTokens) {
        return new EngineStats(
                0, 0, 0, 0, steps, 0, 0, idealCachedTokens, 0, 0, 0, 0, 0, DeviceTimes.NONE,
                DraftCounts.NONE);
    }
}
