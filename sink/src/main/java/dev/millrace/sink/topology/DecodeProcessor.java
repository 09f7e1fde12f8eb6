package dev.millrace.sink.topology;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.serde.WireFormatException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/**
 * Bytes to values. A record whose bytes are at fault becomes a dead letter with its original bytes; a
 * registry that does not answer, or refuses us, is not the record's fault and stops the task instead.
 */
final class DecodeProcessor<T> implements Processor<byte[], byte[], String, Decoded<T>> {
    static final String FAILED_BY = "sink";
    private static final String UNREADABLE = "unreadable_record";
    private static final String INVALID = "invalid_record";

    private final Deserializer<T> deserializer;
    private final Function<T, String> keyOf;
    private final Function<T, String> problemOf;
    private ProcessorContext<String, Decoded<T>> context;

    /**
     * @param keyOf the key to go on with
     * @param problemOf what is wrong with a value that could be read, as one sentence; null when nothing is
     */
    DecodeProcessor(Deserializer<T> deserializer, Function<T, String> keyOf, Function<T, String> problemOf) {
        this.deserializer = deserializer;
        this.keyOf = keyOf;
        this.problemOf = problemOf;
    }

    @Override
    public void init(ProcessorContext<String, Decoded<T>> context) {
        this.context = context;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata from = context.recordMetadata()
                .orElseThrow(() -> new IllegalStateException("a record of a source topic has a position"));
        T value;
        try {
            value = deserializer.deserialize(from.topic(), record.value());
        } catch (WireFormatException e) {
            forwardDeadLetter(record, from, UNREADABLE, rootMessage(e));
            return;
        }
        String problem = value == null ? "the record has no value" : problemOf.apply(value);
        if (problem != null) {
            forwardDeadLetter(record, from, INVALID, problem);
            return;
        }
        context.forward(new Record<>(keyOf.apply(value), new Decoded<>(value, null), record.timestamp()));
    }

    private void forwardDeadLetter(
            Record<byte[], byte[]> record, RecordMetadata from, String code, String message) {
        DeadLetter letter = DeadLetter.newBuilder()
                .setSourceTopic(from.topic())
                .setSourcePartition(from.partition())
                .setSourceOffset(from.offset())
                .setKey(wrap(record.key()))
                .setValue(wrap(record.value()))
                .setHeaders(copy(record.headers()))
                .setError(new ErrorInfo(code, message, null))
                .setFailedBy(FAILED_BY)
                .setFailedAt(Instant.ofEpochMilli(context.currentSystemTimeMs()))
                .build();
        String key = from.topic() + "-" + from.partition() + "-" + from.offset();
        context.forward(new Record<>(key, new Decoded<>(null, letter), record.timestamp()));
    }

    private static Map<String, ByteBuffer> copy(Headers headers) {
        Map<String, ByteBuffer> copy = new HashMap<>();
        for (Header header : headers) {
            copy.put(header.key(), header.value() == null ? ByteBuffer.allocate(0)
                    : ByteBuffer.wrap(header.value()));
        }
        return copy;
    }

    private static ByteBuffer wrap(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    private static String rootMessage(Throwable error) {
        Throwable root = error;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        return root == error ? message : error.getMessage() + ": " + message;
    }
}
