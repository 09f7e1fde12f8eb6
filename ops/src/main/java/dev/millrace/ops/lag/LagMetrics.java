package dev.millrace.ops.lag;

import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagSnapshot.TopicView;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Lag for Prometheus. The label {@code tenant} has at most {@value #TENANTS_MAX} values, those with
 * the largest lag; the rest is summed up as {@code other}, and what does not say whose it is, or
 * has not been read yet, as {@code unknown}: their sum is the topic's lag. Batches have no label:
 * they come and go; they are in the status page and in the topic {@code lag}.
 */
public final class LagMetrics {
    static final int TENANTS_MAX = 20;
    private static final String OTHER = "other";
    private static final String UNKNOWN = "unknown";

    private final MultiGauge records;
    private final MultiGauge promptTokens;
    private final MultiGauge seconds;
    private final MultiGauge oldest;
    private final MultiGauge partitionRecords;
    private final MultiGauge partitionIdle;
    private final InstantSource clock;
    private volatile Instant measuredAt;
    private volatile double forecastError = Double.NaN;

    public LagMetrics(MeterRegistry registry, InstantSource clock) {
        this.clock = clock;
        records = gauge(registry, "lag.records", null, "Records that are not finished, by tenant.");
        promptTokens =
                gauge(
                        registry,
                        "lag.prompt.tokens",
                        null,
                        "Their prompts' tokens, as estimated at admission.");
        seconds =
                gauge(
                        registry,
                        "lag",
                        "seconds",
                        "Time the unfinished records take at the rate of the last half minute;"
                                + " +Inf when nothing moves.");
        oldest =
                gauge(
                        registry,
                        "oldest.unfinished.age",
                        "seconds",
                        "Age of the oldest unfinished record; 0 when there is none.");
        partitionRecords =
                gauge(
                        registry,
                        "partition.lag.records",
                        null,
                        "Records of a partition that are not finished.");
        partitionIdle =
                gauge(
                        registry,
                        "partition.idle",
                        "seconds",
                        "Time since a record last finished in a partition that has unfinished"
                                + " ones.");
        Gauge.builder("millrace.lag.measurement.age", this, LagMetrics::ageSeconds)
                .baseUnit("seconds")
                .description("Time since lag was last measured; grows while Kafka is gone.")
                .register(registry);
        Gauge.builder("millrace.batch.forecast.error.ratio", this, m -> m.forecastError)
                .description(
                        "Last batch that ended: (time left as predicted half-way − time it took)"
                                + " / time it took.")
                .register(registry);
    }

    /** Shows a measurement. */
    public void show(LagSnapshot lag) {
        measuredAt = lag.at();
        records.register(perTenant(lag, Amount::records), true);
        promptTokens.register(perTenant(lag, Amount::promptTokens), true);
        seconds.register(
                perTopic(lag, a -> a.secondsLeft().orElse(Double.POSITIVE_INFINITY)), true);
        oldest.register(perTopic(lag, a -> a.oldestAgeSeconds(lag.at())), true);
        List<Row<?>> partitions = new ArrayList<>();
        List<Row<?>> idle = new ArrayList<>();
        for (TopicView topic : lag.topics()) {
            topic.partitions()
                    .forEach(
                            partition -> {
                                Tags tags =
                                        Tags.of(
                                                "topic",
                                                topic.topic(),
                                                "partition",
                                                Integer.toString(partition.partition()));
                                partitions.add(Row.of(tags, partition.records()));
                                idle.add(Row.of(tags, partition.idleSeconds()));
                            });
        }
        partitionRecords.register(partitions, true);
        partitionIdle.register(idle, true);
    }

    /** A batch has ended: how far off its forecast was. */
    public void forecastError(double ratio) {
        forecastError = ratio;
    }

    private double ageSeconds() {
        Instant at = measuredAt;
        return at == null ? 0 : Duration.between(at, clock.instant()).toMillis() / 1000.0;
    }

    private static List<Row<?>> perTopic(LagSnapshot lag, ToDoubleFunction<Amount> value) {
        List<Row<?>> rows = new ArrayList<>();
        for (TopicView topic : lag.topics()) {
            rows.add(Row.of(Tags.of("topic", topic.topic()), value.applyAsDouble(topic.total())));
        }
        return rows;
    }

    private static List<Row<?>> perTenant(LagSnapshot lag, ToDoubleFunction<Amount> value) {
        List<Row<?>> rows = new ArrayList<>();
        for (TopicView topic : lag.topics()) {
            List<Map.Entry<String, Amount>> tenants = new ArrayList<>(topic.tenants().entrySet());
            tenants.sort(
                    Comparator.comparingLong(
                            (Map.Entry<String, Amount> e) -> -e.getValue().records()));
            double rest = value.applyAsDouble(topic.total());
            double other = 0;
            for (int i = 0; i < tenants.size(); i++) {
                double v = value.applyAsDouble(tenants.get(i).getValue());
                if (tenants.get(i).getKey().isEmpty()) {
                    continue;
                }
                rest -= v;
                if (i < TENANTS_MAX) {
                    rows.add(row(topic, tenants.get(i).getKey(), v));
                } else {
                    other += v;
                }
            }
            if (tenants.size() > TENANTS_MAX) {
                rows.add(row(topic, OTHER, other));
            }
            // Always there, so that a topic without lag shows 0 and not nothing.
            rows.add(row(topic, UNKNOWN, Math.max(0, rest)));
        }
        return rows;
    }

    private static Row<?> row(TopicView topic, String tenant, double value) {
        return Row.of(Tags.of("topic", topic.topic(), "tenant", tenant), value);
    }

    private static MultiGauge gauge(
            MeterRegistry registry, String name, String unit, String description) {
        return MultiGauge.builder("millrace." + name)
                .baseUnit(unit)
                .description(description)
                .register(registry);
    }
}
