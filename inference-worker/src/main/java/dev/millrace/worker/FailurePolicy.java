package dev.millrace.worker;

import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RegistryUnavailableException;
import dev.millrace.schemas.registry.UnreadableSchemaException;

import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.FencedMemberEpochException;
import org.apache.kafka.common.errors.IllegalGenerationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.StaleMemberEpochException;
import org.apache.kafka.common.errors.TransactionAbortableException;
import org.apache.kafka.common.errors.UnknownMemberIdException;

import java.util.List;

/**
 * Sorts failures by what the worker may do about them. The one table; nobody else decides by
 * exception type.
 */
final class FailurePolicy {

    /** What the worker may do. */
    enum Action {
        /** Abort an open transaction, wait, do it again for the partitions still owned. */
        RETRY,
        /**
         * Set the record aside with its bytes and the reason, in the same transaction as its
         * offset.
         */
        DEAD_LETTER,
        /**
         * What this worker knows may be out of date: drop all work, make new clients, read the
         * committed offsets again.
         */
        FENCED,
        /** Nothing here can help: stop the process, with the reason. */
        FATAL
    }

    private record Row(Class<? extends Throwable> failure, Action action) {}

    /** First match wins, so a subclass stands above its superclass. */
    private static final List<Row> TABLE =
            List.of(
                    // Another live worker has taken this worker's identity; to rejoin would throw
                    // that one out again.
                    new Row(FencedInstanceIdException.class, Action.FATAL),
                    new Row(AuthenticationException.class, Action.FATAL),
                    new Row(AuthorizationException.class, Action.FATAL),
                    new Row(InterruptException.class, Action.FATAL),
                    // The producer's identity is gone. Whether its last records count, only the
                    // committed offsets can tell.
                    new Row(ProducerFencedException.class, Action.FENCED),
                    new Row(InvalidPidMappingException.class, Action.FENCED),
                    new Row(OutOfOrderSequenceException.class, Action.FENCED),
                    new Row(InvalidTxnStateException.class, Action.FENCED),
                    // The group moved on during the transaction: the next poll brings the new
                    // generation and assignment.
                    new Row(CommitFailedException.class, Action.RETRY),
                    new Row(IllegalGenerationException.class, Action.RETRY),
                    new Row(StaleMemberEpochException.class, Action.RETRY),
                    new Row(FencedMemberEpochException.class, Action.RETRY),
                    new Row(UnknownMemberIdException.class, Action.RETRY),
                    new Row(RebalanceInProgressException.class, Action.RETRY),
                    // The broker asks for an abort, nothing more.
                    new Row(TransactionAbortableException.class, Action.RETRY),
                    new Row(InvalidProducerEpochException.class, Action.RETRY),
                    // The result that is too large is replaced by a failed one before the retry.
                    new Row(RecordTooLargeException.class, Action.RETRY),
                    new Row(RetriableException.class, Action.RETRY),
                    // The record is not to blame for a registry that does not answer; settings are
                    // for one that refuses.
                    new Row(RegistryUnavailableException.class, Action.RETRY),
                    new Row(UnreadableSchemaException.class, Action.DEAD_LETTER),
                    new Row(RegistryException.class, Action.FATAL),
                    // The bytes will not become readable by waiting (WireFormatException is one of
                    // these).
                    new Row(SerializationException.class, Action.DEAD_LETTER));

    private FailurePolicy() {}

    /** Looks at the failure and then at its causes; what no row names is fatal. */
    static Action actionFor(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            for (Row row : TABLE) {
                if (row.failure().isInstance(cause)) {
                    return row.action();
                }
            }
        }
        return Action.FATAL;
    }
}
