package dev.millrace.it.pipeline;

import java.nio.file.Path;

/** The pipeline on the Kafka that {@code millrace up} starts. */
class EmbeddedPipelineIT extends PipelineSuite {
    @Override
    TestKafka startKafka(Path dataDir) {
        return TestKafka.inProcess(dataDir);
    }
}
