package dev.millrace.ingest;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionHeaders;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.Topics;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * Where records leave ingest. They are serialised here and not by the sinks, so that the size of a
 * job is known before it is sent: one that the topic refuses would stop the whole application.
 */
final class Outlets {
    private final ProcessorContext<byte[], byte[]> context;
    private final Serializer<SpecificRecord> serializer;
    private final int recordBytesMax;

    Outlets(
            ProcessorContext<byte[], byte[]> context,
            Serializer<SpecificRecord> serializer,
            int recordBytesMax) {
        this.context = context;
        this.serializer = serializer;
        this.recordBytesMax = recordBytesMax;
    }

    byte[] serialize(String topic, SpecificRecord value) {
        return serializer.serialize(topic, value);
    }

    void ready(String topic, String key, byte[] job, Headers headers, Instant now) {
        forward(topic, key, job, headers, now);
    }

    /**
     * Sends the answer; its metadata stays behind where they alone make it larger than a record may
     * be.
     */
    void completion(Completion completion, Headers headers, Instant now) {
        byte[] value = serialize(Topics.COMPLETIONS, completion);
        if (value.length > recordBytesMax) {
            completion.setMetadata(Map.of());
            value = serialize(Topics.COMPLETIONS, completion);
        }
        Headers described = CompletionHeaders.of(completion, headers);
        forward(Topics.COMPLETIONS, completion.getJobId(), value, described, now);
    }

    /** Sends a stored answer once more, if the topic takes it with its mark; says whether. */
    boolean completionAgain(Completion completion, Headers headers, Instant now) {
        byte[] value = serialize(Topics.COMPLETIONS, completion);
        if (value.length > recordBytesMax) {
            return false;
        }
        Headers described = CompletionHeaders.of(completion, headers);
        forward(Topics.COMPLETIONS, completion.getJobId(), value, described, now);
        return true;
    }

    /** An answer that jobs of equal content may get, or what {@link EqualAnswers} must know of it. */
    void equalAnswer(byte[] key, Completion answer, Instant now) {
        byte[] value = serialize(Topics.ANSWERS, answer);
        if (value.length <= recordBytesMax) {
            context.forward(
                    new Record<>(key, value, now.toEpochMilli(), new RecordHeaders()),
                    IngestTopology.EQUAL);
        }
    }

    void batchEvent(BatchEvent event) {
        forward(
                Topics.BATCH_EVENTS,
                event.getBatchId(),
                serialize(Topics.BATCH_EVENTS, event),
                new RecordHeaders(),
                event.getAt());
    }

    /** Back to the prompts topic under the right key, so that it meets its duplicates. */
    void again(Record<byte[], byte[]> record, String jobId) {
        context.forward(record.withKey(utf8(jobId)), IngestTopology.AGAIN);
    }

    /**
     * Sets the record that is being processed aside, as it came; only its value may be left out, if
     * there is no room for it.
     */
    void deadLetter(Record<byte[], byte[]> record, String code, String reason, Instant now) {
        RecordMetadata from = context.recordMetadata().orElseThrow();
        Map<String, ByteBuffer> headers = new HashMap<>();
        for (Header header : record.headers()) {
            headers.put(
                    header.key(),
                    ByteBuffer.wrap(header.value() == null ? new byte[0] : header.value()));
        }
        String place = from.topic() + "-" + from.partition() + "-" + from.offset();
        DeadLetter letter =
                DeadLetter.newBuilder()
                        .setSourceTopic(from.topic())
                        .setSourcePartition(from.partition())
                        .setSourceOffset(from.offset())
                        .setKey(record.key() == null ? null : ByteBuffer.wrap(record.key()))
                        .setValue(record.value() == null ? null : ByteBuffer.wrap(record.value()))
                        .setHeaders(headers)
                        .setError(new ErrorInfo(code, place + ": " + reason, null))
                        .setFailedBy(IngestTopology.ROLE)
                        .setFailedAt(now)
                        .build();
        byte[] value = serialize(Topics.DEAD_LETTERS, letter);
        if (value.length > recordBytesMax) {
            letter.setValue(null);
            letter.getError()
                    .setMessage(
                            letter.getError().getMessage()
                                    + "; the value ("
                                    + record.value().length
                                    + " bytes) is left out: too large");
            value = serialize(Topics.DEAD_LETTERS, letter);
        }
        forward(Topics.DEAD_LETTERS, place, value, record.headers(), now);
    }

    private void forward(String sink, String key, byte[] value, Headers headers, Instant now) {
        context.forward(new Record<>(utf8(key), value, now.toEpochMilli(), headers), sink);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
