package dev.millrace.worker;

import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.observe.EngineMetrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

/**
 * Exports the engine's table of metrics. The engine belongs to the worker's thread, so what a
 * scrape sees are the statistics that this thread took last, once in a statistics interval.
 */
final class EngineMeters {
    /** Null before the first interval is over. */
    private volatile EngineStats last;

    EngineMeters(MeterRegistry registry, Tags tags) {
        for (EngineMetrics.Metric metric : EngineMetrics.ALL) {
            if (metric.type() == EngineMetrics.Type.COUNTER) {
                FunctionCounter.builder(metric.name(), this, m -> m.value(metric))
                        .description(metric.doc())
                        .tags(tags)
                        .register(registry);
            } else {
                Gauge.builder(metric.name(), this, m -> m.value(metric))
                        .description(metric.doc())
                        .tags(tags)
                        .strongReference(true)
                        .register(registry);
            }
        }
    }

    private double value(EngineMetrics.Metric metric) {
        EngineStats stats = last;
        return stats == null ? 0 : metric.value().applyAsDouble(stats);
    }

    void observe(EngineStats stats) {
        last = stats;
    }
}
