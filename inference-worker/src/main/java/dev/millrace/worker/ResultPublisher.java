package dev.millrace.worker;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionHeaders;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.HandOver;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.UsageEvent;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serializer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Turns finished jobs into output records: completion and usage, or a dead letter. */
final class ResultPublisher {
    private final Serializer<Object> serializer;
    private final ResultEncoder results;

    ResultPublisher(Serializer<Object> serializer, ResultEncoder results) {
        this.serializer = serializer;
        this.results = results;
    }

    /** The job's records as bytes; made once, however often the commit is repeated. */
    List<ProducerRecord<byte[], byte[]>> records(FinishedJob job) {
        if (job.serialized() == null) {
            job.keepSerialized(serialize(job));
        }
        return job.serialized();
    }

    ProducerRecord<byte[], byte[]> record(String topic, String key, Object value, Headers headers) {
        return new ProducerRecord<>(
                topic,
                null,
                null,
                key.getBytes(StandardCharsets.UTF_8),
                serializer.serialize(topic, value),
                headers);
    }

    /** What has been generated for a job that this worker lets go; a null value removes it again. */
    ProducerRecord<byte[], byte[]> handOver(String topic, int partition, String jobId, HandOver value) {
        return new ProducerRecord<>(
                topic,
                partition,
                jobId.getBytes(StandardCharsets.UTF_8),
                value == null ? null : serializer.serialize(topic, value));
    }

    /** The key of a dead letter. */
    static String sourceKey(String topic, int partition, long offset) {
        return topic + "-" + partition + "-" + offset;
    }

    private List<ProducerRecord<byte[], byte[]>> serialize(FinishedJob job) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>(2);
        Completion completion = job.completion();
        if (completion != null) {
            records.add(
                    record(
                            Topics.COMPLETIONS,
                            completion.getJobId(),
                            completion,
                            CompletionHeaders.of(completion, job.headers)));
            if (job.wasHandedOver) {
                TopicPartition ready = job.ledger.partition();
                records.add(
                        handOver(
                                HandOvers.topicOf(ready),
                                ready.partition(),
                                completion.getJobId(),
                                null));
            }
            UsageEvent usage = results.usage(completion);
            if (usage != null) {
                records.add(record(Topics.USAGE, usage.getTenant(), usage, null));
            }
        }
        DeadLetter letter = job.deadLetter();
        if (letter != null) {
            String source =
                    sourceKey(
                            letter.getSourceTopic(),
                            letter.getSourcePartition(),
                            letter.getSourceOffset());
            records.add(record(Topics.DEAD_LETTERS, source, letter, CompletionHeaders.traceOf(job.headers)));
        }
        return records;
    }
}
