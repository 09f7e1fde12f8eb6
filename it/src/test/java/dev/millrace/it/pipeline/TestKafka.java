package dev.millrace.it.pipeline;

import dev.millrace.ops.embedded.EmbeddedBroker;

import java.nio.file.Path;
import java.util.Map;

/** A Kafka for a test: in this JVM, or in a container. */
public interface TestKafka extends AutoCloseable {
    String bootstrap();

    @Override
    void close();

    static TestKafka inProcess(Path dir) {
        EmbeddedBroker broker = EmbeddedBroker.start(dir, 0, Map.of());
        return new TestKafka() {
            @Override
            public String bootstrap() {
                return broker.bootstrap();
            }

            @Override
            public void close() {
                broker.close();
            }
        };
    }
}
