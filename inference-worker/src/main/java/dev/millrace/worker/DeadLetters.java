package dev.millrace.worker;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;

import org.apache.kafka.common.header.Header;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/** Makes the dead letter of a record. */
final class DeadLetters {
    private DeadLetters() {}

    /** Says where the record lies and what is wrong with it; key and value are null. */
    static DeadLetter of(WorkerContext context, InFlightJob job, ErrorInfo error) {
        Map<String, ByteBuffer> headers = new HashMap<>();
        for (Header header : job.headers()) {
            headers.put(
                    header.key(),
                    ByteBuffer.wrap(header.value() == null ? new byte[0] : header.value()));
        }
        return DeadLetter.newBuilder()
                .setSourceTopic(job.ledger().partition().topic())
                .setSourcePartition(job.ledger().partition().partition())
                .setSourceOffset(job.offset())
                .setKey(null)
                .setValue(null)
                .setHeaders(headers)
                .setError(error)
                .setFailedBy(context.config().workerId())
                .setFailedAt(Instant.ofEpochMilli(context.clock().millis()))
                .build();
    }
}
