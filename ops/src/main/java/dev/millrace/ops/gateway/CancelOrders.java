package dev.millrace.ops.gateway;

import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Sends orders to cancel batches to the control topic, in the background and until they are
 * acknowledged. An order holds for jobs that are published after it too.
 */
final class CancelOrders implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CancelOrders.class);
    private static final long RETRY_SECONDS = 5;
    private static final String ISSUER = "gateway";

    private final InstantSource clock;
    private final Producer<String, ControlCommand> producer;
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().daemon().name("gateway-cancel").factory());

    CancelOrders(Map<String, Object> clientProperties, InstantSource clock) {
        this.clock = clock;
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.putIfAbsent(ProducerConfig.BUFFER_MEMORY_CONFIG, 1L << 20);
        AvroSerializer<ControlCommand> values = new AvroSerializer<>();
        values.configure(properties, false);
        producer = new KafkaProducer<>(properties, new StringSerializer(), values);
    }

    /** Sends the order to cancel a batch. */
    void send(String batchId) {
        thread.execute(() -> trySend(batchId));
    }

    private void trySend(String batchId) {
        ControlCommand order =
                ControlCommand.newBuilder()
                        .setCommandId(UUID.randomUUID().toString())
                        .setKind(ControlKind.CANCEL)
                        .setBatchId(batchId)
                        .setIssuedBy(ISSUER)
                        .setAt(clock.instant())
                        .build();
        try {
            producer.send(new ProducerRecord<>(Topics.CONTROL, ControlKeys.of(order), order)).get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | RuntimeException e) {
            LOG.warn("the order to cancel {} is sent again soon: {}", batchId, e.getMessage());
            thread.schedule(() -> trySend(batchId), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
        producer.close(Duration.ZERO);
    }
}
