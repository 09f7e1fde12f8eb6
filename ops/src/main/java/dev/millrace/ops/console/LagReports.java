package dev.millrace.ops.console;

import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.schemas.LagAmount;
import dev.millrace.schemas.LagReport;
import dev.millrace.schemas.TopicLagReport;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Publishes lag to the topic {@code lag}, for programs that would rather read Kafka than scrape.
 */
final class LagReports implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LagReports.class);

    private final KafkaProducer<String, LagReport> producer;

    LagReports(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        // A report that cannot go out soon is worth nothing: the next one is newer.
        properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 2_000);
        properties.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 10_000);
        properties.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
        AvroSerializer<LagReport> values = new AvroSerializer<>();
        values.configure(properties, false);
        producer = new KafkaProducer<>(properties, new StringSerializer(), values);
    }

    /** Sends a report and does not wait for it. */
    void publish(LagSnapshot lag) {
        producer.send(
                new ProducerRecord<>(Topics.LAG, lag.pool(), report(lag)),
                (metadata, error) -> {
                    if (error != null) {
                        LOG.warn("a lag report was not published: {}", error.toString());
                    }
                });
    }

    static LagReport report(LagSnapshot lag) {
        List<TopicLagReport> topics = new ArrayList<>();
        for (LagSnapshot.TopicView topic : lag.topics()) {
            topics.add(
                    new TopicLagReport(
                            topic.topic(),
                            topic.group(),
                            amount(topic.total()),
                            topic.unattributed(),
                            amounts(topic.tenants())));
        }
        return new LagReport(lag.pool(), lag.at(), topics, amounts(lag.batches()));
    }

    private static Map<String, LagAmount> amounts(Map<String, Amount> amounts) {
        Map<String, LagAmount> reports = new HashMap<>();
        amounts.forEach((name, amount) -> reports.put(name, amount(amount)));
        return reports;
    }

    private static LagAmount amount(Amount amount) {
        Double seconds =
                amount.secondsLeft().isPresent() ? amount.secondsLeft().getAsDouble() : null;
        return new LagAmount(amount.records(), amount.promptTokens(), seconds, amount.oldestAt());
    }

    @Override
    public void close() {
        producer.close(Duration.ofSeconds(2));
    }
}
