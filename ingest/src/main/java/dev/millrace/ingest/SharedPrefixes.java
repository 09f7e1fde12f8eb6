package dev.millrace.ingest;

import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SharedPrefix;
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
 * The shared prefixes, every one in every process, as their topic holds them: raw bytes by prefix
 * id. They are read as Avro when a job asks, so that an unreadable one fails the jobs that name it
 * and not the reading of the topic.
 */
final class SharedPrefixes {
    static final String STORE = "shared-prefixes";

    /** What came of looking a prefix up. */
    enum Found {
        RESOLVED,
        UNKNOWN,
        FOREIGN,
        UNREADABLE
    }

    private final ReadOnlyKeyValueStore<Bytes, byte[]> store;
    private final Deserializer<SharedPrefix> reader;

    SharedPrefixes(ReadOnlyKeyValueStore<Bytes, byte[]> store, Deserializer<SharedPrefix> reader) {
        this.store = store;
        this.reader = reader;
    }

    static StoreBuilder<KeyValueStore<Bytes, byte[]>> storeBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withLoggingDisabled();
    }

    /** Whether a job that names this prefix need not wait. */
    boolean knows(String prefixId) {
        return store.get(key(prefixId)) != null;
    }

    /**
     * Puts the prefix's messages before the job's and takes its id out, if it is there and the
     * job's tenant may use it.
     */
    Found resolve(PromptJob job) {
        byte[] bytes = store.get(key(job.getSharedPrefixId()));
        if (bytes == null) {
            return Found.UNKNOWN;
        }
        SharedPrefix prefix;
        try {
            prefix = reader.deserialize(Topics.SHARED_PREFIXES, bytes);
        } catch (WireFormatException e) {
            return Found.UNREADABLE;
        }
        if (!prefix.getTenant().equals(job.getTenant())) {
            return Found.FOREIGN;
        }
        List<ChatMessage> all = new ArrayList<>(prefix.getMessages());
        all.addAll(job.getMessages());
        job.setMessages(all);
        job.setSharedPrefixId(null);
        return Found.RESOLVED;
    }

    private static Bytes key(String prefixId) {
        return Bytes.wrap(prefixId.getBytes(StandardCharsets.UTF_8));
    }

    /** Keeps the global store equal to the topic. */
    static final class Updater extends ContextualProcessor<byte[], byte[], Void, Void> {
        @Override
        public void process(Record<byte[], byte[]> record) {
            KeyValueStore<Bytes, byte[]> store = context().getStateStore(STORE);
            if (record.key() == null) {
                return;
            }
            store.put(Bytes.wrap(record.key()), record.value());
        }
    }
}
