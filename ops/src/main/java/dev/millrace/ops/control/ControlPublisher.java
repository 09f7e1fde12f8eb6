package dev.millrace.ops.control;

import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;

/**
 * Publishes orders about batches and jobs. Each call returns when the broker has the order; who
 * obeys it, and how soon, is in docs/control.md. Safe for use by several threads.
 */
public final class ControlPublisher implements AutoCloseable {
    private final Producer<String, byte[]> producer;
    private final AvroSerializer<ControlCommand> serializer = new AvroSerializer<>();
    private final String issuedBy;
    private final InstantSource clock;

    /** To whom an order is given: a batch, with all jobs that it has or will have, or one job. */
    public record Target(String batchId, String jobId) {
        public Target {
            boolean hasBatch = batchId != null && !batchId.isBlank();
            boolean hasJob = jobId != null && !jobId.isBlank();
            if (hasBatch == hasJob) {
                throw new IllegalArgumentException("an order needs a batch or a job, and not both");
            }
        }

        public static Target batch(String batchId) {
            return new Target(batchId, null);
        }

        public static Target job(String jobId) {
            return new Target(null, jobId);
        }
    }

    /**
     * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's
     *     clients and the serde understand
     * @param issuedBy who gives the orders, kept in each of them
     */
    public ControlPublisher(
            Map<String, Object> clientProperties, String issuedBy, InstantSource clock) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        serializer.configure(clientProperties, false);
        producer =
                new KafkaProducer<>(properties, new StringSerializer(), new ByteArraySerializer());
        this.issuedBy = issuedBy;
        this.clock = clock;
    }

    /**
     * Waiting jobs end as CANCELLED, running ones are stopped and end as CANCELLED with what they
     * have made. Final.
     */
    public ControlCommand cancel(Target target) {
        return publish(command(target, ControlKind.CANCEL));
    }

    /** Jobs that have not begun wait; those that run go on. */
    public ControlCommand pause(Target target) {
        return publish(command(target, ControlKind.PAUSE));
    }

    public ControlCommand resume(Target target) {
        return publish(command(target, ControlKind.RESUME));
    }

    /**
     * @param priority higher runs earlier, among the jobs of a tenant
     */
    public ControlCommand setPriority(Target target, int priority) {
        return publish(command(target, ControlKind.SET_PRIORITY).setPriority(priority));
    }

    /**
     * @param deadline null takes the deadline away
     */
    public ControlCommand setDeadline(Target target, Instant deadline) {
        return publish(command(target, ControlKind.SET_DEADLINE).setDeadline(deadline));
    }

    @Override
    public void close() {
        producer.close();
        serializer.close();
    }

    private ControlCommand.Builder command(Target target, ControlKind kind) {
        return ControlCommand.newBuilder()
                .setCommandId(UUID.randomUUID().toString())
                .setKind(kind)
                .setBatchId(target.batchId())
                .setJobId(target.jobId())
                .setIssuedBy(issuedBy)
                .setAt(clock.instant());
    }

    /**
     * @throws IllegalStateException when the broker does not take it; nothing was ordered then, or
     *     nobody can say
     */
    private ControlCommand publish(ControlCommand.Builder builder) {
        ControlCommand command = builder.build();
        byte[] value = serializer.serialize(Topics.CONTROL, command);
        try {
            producer.send(new ProducerRecord<>(Topics.CONTROL, ControlKeys.of(command), value))
                    .get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(
                    "the order could not be published: " + e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the order was published", e);
        }
        return command;
    }
}
