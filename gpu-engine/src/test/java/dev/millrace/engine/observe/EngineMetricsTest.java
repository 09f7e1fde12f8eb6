package dev.millrace.engine.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.KvTierStats;

import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

class EngineMetricsTest {

    @Test
    void everyStatisticIsExportedOnceUnderAPrometheusName() {
        EngineStats stats =
                new EngineStats(
                        1,
                        2,
                        3,
                        12,
                        5,
                        6,
                        7,
                        17,
                        8,
                        9,
                        10,
                        11_000_000_000L,
                        12_000_000_000L,
                        new DeviceTimes(13_000_000_000L, 14_000_000_000L, 16_000_000_000L),
                        new KvTierStats(17, 18, 19, 20, 21, 22, 23, 24),
                        new DraftCounts(25, 26, 27),
                        28);
        Map<String, Double> values = new HashMap<>();
        for (EngineMetrics.Metric metric : EngineMetrics.ALL) {
            assertTrue(metric.name().matches("millrace_[a-z_]+"), metric.name());
            assertEquals(
                    metric.type() == EngineMetrics.Type.COUNTER,
                    metric.name().endsWith("_total"),
                    metric.name());
            assertTrue(metric.doc().endsWith("."), metric.name());
            assertNull(
                    values.put(metric.name(), metric.value().applyAsDouble(stats)), metric.name());
        }
        Set<Double> expected =
                new HashSet<>(
                        Set.of(
                                1.0, 2.0, 3.0, 12.0, 0.25, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0,
                                13.0, 14.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0,
                                24.0, 25.0, 26.0, 27.0, 28.0));
        assertEquals(expected, new HashSet<>(values.values()));
        assertEquals(12.0, values.get("millrace_engine_device_seconds_total"), 1e-9);
        assertEquals(8.0, values.get("millrace_generation_tokens_total"));
    }
}
