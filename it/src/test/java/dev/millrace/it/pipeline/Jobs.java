package dev.millrace.it.pipeline;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.serde.AvroSerializer;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Publishes jobs as any Avro producer would, and records that nobody can read. */
public final class Jobs implements AutoCloseable {
    private final KafkaProducer<String, byte[]> producer;
    private final AvroSerializer<PromptJob> serializer = new AvroSerializer<>();

    public Jobs(Map<String, Object> clientProperties) {
        serializer.configure(clientProperties, false);
        producer =
                new KafkaProducer<>(
                        clientProperties, new StringSerializer(), new ByteArraySerializer());
    }

    /** A job whose prompt is its id. */
    public static PromptJob job(String batch, int number) {
        String customId = "job-" + number;
        return PromptJob.newBuilder()
                .setJobId(batch + "/" + customId)
                .setCustomId(customId)
                .setBatchId(batch)
                .setModel(EchoEngine.MODEL)
                .setMessages(
                        List.of(
                                ChatMessage.newBuilder()
                                        .setRole("user")
                                        .setContent(batch + "/" + customId)
                                        .build()))
                .setSampling(SamplingParams.newBuilder().build())
                .setCreatedAt(Instant.EPOCH)
                .build();
    }

    public void publish(String topic, PromptJob job) {
        producer.send(
                new ProducerRecord<>(topic, job.getJobId(), serializer.serialize(topic, job)));
    }

    /** The same with headers that the submitter gives it. */
    public void publish(String topic, PromptJob job, Map<String, String> headers) {
        ProducerRecord<String, byte[]> record =
                new ProducerRecord<>(topic, job.getJobId(), serializer.serialize(topic, job));
        headers.forEach(
                (name, value) ->
                        record.headers().add(name, value.getBytes(StandardCharsets.UTF_8)));
        producer.send(record);
    }

    public void publishBytes(String topic, String key, byte[] value) {
        producer.send(new ProducerRecord<>(topic, key, value));
    }

    public void flush() {
        producer.flush();
    }

    @Override
    public void close() {
        producer.close();
        serializer.close();
    }
}
