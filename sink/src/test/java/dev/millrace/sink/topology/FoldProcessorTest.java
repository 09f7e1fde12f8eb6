package dev.millrace.sink.topology;

import static dev.millrace.sink.SinkFixtures.finished;
import static dev.millrace.sink.SinkFixtures.opened;
import static dev.millrace.sink.SinkFixtures.sealed;
import static dev.millrace.sink.SinkFixtures.tally;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.sink.SinkSerdes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What happens when a task stops and another starts over its state. */
class FoldProcessorTest {
    private static final Duration ROUND = Duration.ofMillis(200);

    @TempDir
    Path stateDir;

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final SinkMetrics metrics = new SinkMetrics(meters);
    private SinkSerdes serdes;
    private KeyValueStore<String, BatchProgress> store;
    private MockProcessorContext<String, BatchProgress> context;

    @BeforeEach
    void openStore() {
        serdes = new SinkSerdes(Map.of("schema.registry.url", "mock://fold-processor-test"));
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "fold-test");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:1");
        context = new MockProcessorContext<>(properties, new TaskId(0, 0), stateDir.toFile());
        context.setCurrentSystemTimeMs(0);
        store = Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("s"), Serdes.String(), serdes.batchProgress())
                .withLoggingDisabled().build();
        store.init(context.getStateStoreContext(), store);
        context.addStateStore(store);
    }

    @AfterEach
    void closeStore() {
        store.close();
        serdes.close();
    }

    @Test
    void restartGoesOnCountingAndTellsOpenBatchesAgain() {
        FoldProcessor<BatchEvent, BatchProgress> first = start();
        feed(first, opened("b", "r1"), tally("b", "r1", "0_0", 2, 0),
                finished("b", CompletionStatus.COMPLETED));
        feed(first, sealed("ended", "r1", 0));
        assertEquals(1, batches("in_progress"));
        first.close();
        assertEquals(0, batches("in_progress"), "a task that moved away is counted where it went");

        context.resetForwards();
        context.scheduledPunctuators().clear();
        FoldProcessor<BatchEvent, BatchProgress> second = start();
        assertEquals(1, batches("in_progress"));
        assertEquals(1, batches("completed"));
        assertTrue(context.forwarded().isEmpty());
        round();
        List<BatchProgress> told = told();
        assertEquals(1, told.size(), "the ended batch was told when it ended");
        assertEquals(1, told.getFirst().getCompleted(), "the count that no round had told before the stop");
        feed(second, finished("b", CompletionStatus.COMPLETED), sealed("b", "r1", 2));
        assertEquals(BatchStatus.COMPLETED, told().getLast().getStatus());
        assertEquals(2, batches("completed"));
        assertEquals(0, batches("in_progress"));
    }

    @Test
    void urgentChangeIsNotToldAgainInTheRound() {
        FoldProcessor<BatchEvent, BatchProgress> processor = start();
        feed(processor, tally("b", "r1", "0_0", 1, 0), tally("b", "r1", "0_0", 2, 0),
                finished("b", CompletionStatus.COMPLETED));
        assertEquals(1, told().size());
        feed(processor, sealed("b", "r1", 2), finished("b", CompletionStatus.COMPLETED));
        assertEquals(2, told().size(), "IN_PROGRESS, then COMPLETED");
        round();
        assertEquals(2, told().size(), "nothing is left for the round");
    }

    private FoldProcessor<BatchEvent, BatchProgress> start() {
        FoldProcessor<BatchEvent, BatchProgress> processor =
                new FoldProcessor<>("s", new BatchRule(metrics), ROUND);
        processor.init(context);
        return processor;
    }

    private static void feed(FoldProcessor<BatchEvent, BatchProgress> processor, BatchEvent... events) {
        for (BatchEvent event : events) {
            processor.process(new Record<>(event.getBatchId(), event, 0));
        }
    }

    private void round() {
        context.scheduledPunctuators().getLast().getPunctuator().punctuate(ROUND.toMillis());
    }

    private List<BatchProgress> told() {
        return context.forwarded().stream().<BatchProgress>map(each -> each.record().value()).toList();
    }

    private double batches(String status) {
        return meters.get("millrace_sink_batches").tag("status", status).gauge().value();
    }
}
