package dev.millrace.worker;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.HandOver;
import dev.millrace.schemas.RecordHeaders;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.UsageEvent;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serializer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Turns finished jobs into output records: completion and usage, or a dead letter. */
final class ResultPublisher {
    /** W3C trace context; an answer carries what its job came with. */
    private static final List<String> TRACE_HEADERS =
            List.of(RecordHeaders.TRACEPARENT, RecordHeaders.TRACESTATE);

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
                            headersOf(completion, job.headers)));
            if (job.wasResumed) {
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
            records.add(record(Topics.DEAD_LETTERS, source, letter, traceOf(job.headers)));
        }
        return records;
    }

    private static Headers headersOf(Completion completion, Headers job) {
        Headers headers = traceOf(job);
        set(headers, RecordHeaders.TENANT, completion.getTenant());
        if (!completion.getBatchId().isEmpty()) {
            set(headers, RecordHeaders.BATCH, completion.getBatchId());
        }
        set(
                headers,
                RecordHeaders.OPERATION_NAME,
                RecordHeaders.operationName(completion.getEndpoint()));
        set(headers, RecordHeaders.RESPONSE_MODEL, completion.getModel());
        Usage usage = completion.getUsage();
        if (usage != null) {
            set(headers, RecordHeaders.INPUT_TOKENS, Long.toString(usage.getPromptTokens()));
            set(headers, RecordHeaders.OUTPUT_TOKENS, Long.toString(usage.getCompletionTokens()));
            set(headers, RecordHeaders.CACHE_READ_TOKENS, Long.toString(usage.getCachedTokens()));
        }
        if (completion.getError() != null) {
            set(headers, RecordHeaders.ERROR_TYPE, completion.getError().getCode());
        }
        return headers;
    }

    private static Headers traceOf(Headers job) {
        Headers trace = new org.apache.kafka.common.header.internals.RecordHeaders();
        for (String name : TRACE_HEADERS) {
            Header header = job.lastHeader(name);
            if (header != null) {
                trace.add(header);
            }
        }
        return trace;
    }

    private static void set(Headers headers, String name, String value) {
        headers.add(name, value.getBytes(StandardCharsets.UTF_8));
    }
}
