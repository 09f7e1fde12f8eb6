package dev.millrace.schemas.registry;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * One {@link RestSchemaRegistryClient} per configuration in this JVM, however many serdes use it (a Streams
 * application has dozens): they share connections and what they learnt. It is closed with the last user.
 */
final class SharedRegistryClients {
    private static final Map<RegistryClientConfig, Entry> OPEN = new HashMap<>();

    private SharedRegistryClients() {}

    private static final class Entry {
        final RestSchemaRegistryClient client;
        int users;

        Entry(RestSchemaRegistryClient client) {
            this.client = client;
        }
    }

    static SchemaRegistryClient open(RegistryClientConfig config) {
        synchronized (OPEN) {
            Entry entry = OPEN.computeIfAbsent(config, c -> new Entry(new RestSchemaRegistryClient(c)));
            entry.users++;
            return new Handle(config, entry.client);
        }
    }

    private static void release(RegistryClientConfig config) {
        RestSchemaRegistryClient unused = null;
        synchronized (OPEN) {
            Entry entry = OPEN.get(config);
            if (--entry.users == 0) {
                OPEN.remove(config);
                unused = entry.client;
            }
        }
        if (unused != null) {
            unused.close();
        }
    }

    /** One user's hold on a shared client. */
    private static final class Handle implements SchemaRegistryClient {
        private final RegistryClientConfig config;
        private final SchemaRegistryClient client;
        private boolean closed;

        Handle(RegistryClientConfig config, SchemaRegistryClient client) {
            this.config = config;
            this.client = client;
        }

        @Override
        public int register(String subject, Schema schema) {
            return client.register(subject, schema);
        }

        @Override
        public int lookup(String subject, Schema schema) {
            return client.lookup(subject, schema);
        }

        @Override
        public Schema byId(int id) {
            return client.byId(id);
        }

        @Override
        public RegisteredSchema latest(String subject) {
            return client.latest(subject);
        }

        @Override
        public RegisteredSchema version(String subject, int version) {
            return client.version(subject, version);
        }

        @Override
        public List<Integer> versions(String subject) {
            return client.versions(subject);
        }

        @Override
        public List<String> subjects() {
            return client.subjects();
        }

        @Override
        public List<String> incompatibilities(String subject, Schema schema) {
            return client.incompatibilities(subject, schema);
        }

        @Override
        public CompatibilityLevel compatibilityLevel(String subject) {
            return client.compatibilityLevel(subject);
        }

        @Override
        public void setCompatibilityLevel(String subject, CompatibilityLevel level) {
            client.setCompatibilityLevel(subject, level);
        }

        @Override
        public synchronized void close() {
            if (!closed) {
                closed = true;
                release(config);
            }
        }
    }
}
