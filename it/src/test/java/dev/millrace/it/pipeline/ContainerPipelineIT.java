package dev.millrace.it.pipeline;

import org.junit.jupiter.api.condition.EnabledIf;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.kafka.KafkaContainer;

import java.nio.file.Path;

/** The same suite on Apache Kafka's own image. */
@EnabledIf(
        value = "hasDocker",
        disabledReason =
                "no Docker engine: the pipeline was not tested against a Kafka in a container")
class ContainerPipelineIT extends PipelineSuite {
    private static final String IMAGE = "apache/kafka-native:4.1.0";

    static boolean hasDocker() {
        return DockerClientFactory.instance().isDockerAvailable();
    }

    @Override
    TestKafka startKafka(Path dataDir) {
        KafkaContainer container = new KafkaContainer(IMAGE);
        container.start();
        return new TestKafka() {
            @Override
            public String bootstrap() {
                return container.getBootstrapServers();
            }

            @Override
            public void close() {
                container.stop();
            }
        };
    }
}
