package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.schemas.BatchEvent;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

class TalliesTest {
    private static final Instant NOW = Instant.ofEpochMilli(1_000_000);
    private final KeyValueStore<Bytes, byte[]> store =
            Stores.keyValueStoreBuilder(
                            Stores.inMemoryKeyValueStore(Tallies.STORE),
                            Serdes.Bytes(),
                            Serdes.ByteArray())
                    .withLoggingDisabled()
                    .build();

    @BeforeEach
    void openStore() {
        store.init(new MockProcessorContext<Void, Void>().getStateStoreContext(), store);
    }

    @Test
    void whatWasCountedButNotSentIsSentAfterARestart() {
        new Tallies(store, "t")
                .admitted(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s").build(), 5);
        List<BatchEvent> events = sent(new Tallies(store, "t"));
        assertEquals(1, events.size());
        assertEquals(1, events.getFirst().getAdmitted());
        assertEquals("s", events.getFirst().getSubmissionId());
        assertEquals(List.of(), sent(new Tallies(store, "t")), "sent once");
    }

    @Test
    void idsThatJoinAlikeAreToldApart() {
        Tallies tallies = new Tallies(store, "t");
        tallies.admitted(IngestDriver.job("1").setBatchId("ab").setSubmissionId("c").build(), 5);
        tallies.admitted(IngestDriver.job("2").setBatchId("a").setSubmissionId("bc").build(), 5);
        assertEquals(2, sent(tallies).size());
    }

    @Test
    void quietSubmissionsAreForgotten() {
        Tallies tallies = new Tallies(store, "t");
        tallies.admitted(IngestDriver.job("1").setBatchId("old").build(), 1000);
        tallies.admitted(IngestDriver.job("2").setBatchId("new").build(), 2000);
        tallies.forget(Duration.ofMillis(1), 3000);
        assertEquals(2, sent(tallies).size(), "nothing unsent is forgotten");
        tallies.forget(Duration.ofMillis(1500), 3000);
        tallies.duplicate(IngestDriver.job("1").setBatchId("old").build(), 3000);
        tallies.duplicate(IngestDriver.job("2").setBatchId("new").build(), 3000);
        List<BatchEvent> events = sent(tallies);
        assertEquals(List.of(0L, 1L), events.stream().map(BatchEvent::getAdmitted).toList());
    }

    private static List<BatchEvent> sent(Tallies tallies) {
        List<BatchEvent> events = new ArrayList<>();
        tallies.send(NOW, events::add);
        return events;
    }
}
