package dev.millrace.ingest;

import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.WireFormatException;

import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The control topic as a table in every process: raw commands by {@link ControlKeys}. Ingest obeys
 * what concerns jobs that no worker has yet: a cancelled one ends here, priorities and deadlines
 * are put into the job. A pause holds jobs back at the worker, not here.
 */
final class ControlOrders {
    static final String STORE = "control";

    private final ReadOnlyKeyValueStore<Bytes, byte[]> store;
    private final Deserializer<ControlCommand> reader;

    ControlOrders(ReadOnlyKeyValueStore<Bytes, byte[]> store, Deserializer<ControlCommand> reader) {
        this.store = store;
        this.reader = reader;
    }

    /** In memory, since every job asks; read whole from the topic at each start. */
    static StoreBuilder<KeyValueStore<Bytes, byte[]>> storeBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.inMemoryKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withLoggingDisabled();
    }

    boolean isCancelled(PromptJob job) {
        return !find(job, ControlKind.CANCEL).isEmpty();
    }

    /**
     * Puts priority and deadline into the job, if they were ordered; an order to the job goes
     * before one to its batch.
     */
    void override(PromptJob job) {
        List<ControlCommand> priority = find(job, ControlKind.SET_PRIORITY);
        if (!priority.isEmpty() && priority.getFirst().getPriority() != null) {
            job.setPriority(priority.getFirst().getPriority());
        }
        List<ControlCommand> deadline = find(job, ControlKind.SET_DEADLINE);
        if (!deadline.isEmpty()) {
            job.setDeadline(deadline.getFirst().getDeadline());
        }
    }

    /** Orders of this kind that concern the job, its own first. */
    private List<ControlCommand> find(PromptJob job, ControlKind kind) {
        List<ControlCommand> found = new ArrayList<>(2);
        add(found, ControlKeys.ofJob(job.getJobId(), kind), kind);
        if (!job.getBatchId().isEmpty()) {
            add(found, ControlKeys.ofBatch(job.getBatchId(), kind), kind);
        }
        return found;
    }

    private void add(List<ControlCommand> found, String key, ControlKind kind) {
        byte[] bytes = store.get(Bytes.wrap(key.getBytes(StandardCharsets.UTF_8)));
        if (bytes == null) {
            return;
        }
        try {
            ControlCommand command = reader.deserialize(Topics.CONTROL, bytes);
            if (command.getKind() == kind) {
                found.add(command);
            }
        } catch (WireFormatException e) {
            // The sink sets the record aside, once for all; here it orders nothing.
            return;
        }
    }

    /** Keeps the global store equal to the topic. */
    static final class Updater extends ContextualProcessor<byte[], byte[], Void, Void> {
        @Override
        public void process(Record<byte[], byte[]> record) {
            KeyValueStore<Bytes, byte[]> store = context().getStateStore(STORE);
            if (record.key() != null) {
                store.put(Bytes.wrap(record.key()), record.value());
            }
        }
    }
}
