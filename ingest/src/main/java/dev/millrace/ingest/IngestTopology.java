package dev.millrace.ingest;

import dev.millrace.schemas.Topics;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

import java.time.InstantSource;

/**
 * The topology: one processor that reads {@code prompts} and has a sink for each way out.
 *
 * <pre>
 * prompts ──▶ admit ──▶ ready.&lt;pool&gt;   a job that may run, key: prefix fingerprint
 *    ▲          │  ├──▶ completions     one that ended here: FAILED, EXPIRED, CANCELLED
 *    │          │  ├──▶ dead-letters    a record that is no job
 *    └──────────┘  └──▶ batch-events    tallies
 *  wrong key
 *
 * shared-prefixes, control ──▶ global stores that admit looks into
 * </pre>
 *
 * <p>Jobs are deduped where they lie, so all records of a job id must lie in one partition: the key
 * must be the job id, placed by Kafka's default partitioner (librdkafka: {@code
 * partitioner=murmur2_random}). A record with another key, or none, is written back to {@code
 * prompts} under its job id, in the same transaction, and is taken when it comes round; only strays
 * pay for it.
 *
 * <p>Record timestamps downstream are the instants of admission, not the producers'.
 */
public final class IngestTopology {
    /** Name of this role in completions and dead letters. */
    public static final String ROLE = "ingest";

    static final String AGAIN = "prompts-again";
    private static final String SOURCE = "read-prompts";
    private static final String ADMIT = "admit";

    private IngestTopology() {}

    /**
     * Builds the topology; the clock is the processing clock, by which ids, parked jobs and
     * deadlines expire.
     */
    public static Topology build(IngestConfig config, IngestMetrics metrics, InstantSource clock) {
        Topology topology = new Topology();
        topology.addGlobalStore(
                SharedPrefixes.storeBuilder(),
                "read-shared-prefixes",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.SHARED_PREFIXES,
                "update-shared-prefixes",
                SharedPrefixes.Updater::new);
        topology.addGlobalStore(
                ControlOrders.storeBuilder(),
                "read-control",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.CONTROL,
                "update-control",
                ControlOrders.Updater::new);
        topology.addSource(
                AutoOffsetReset.earliest(),
                SOURCE,
                (record, partitionTime) -> clock.millis(),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.PROMPTS);
        topology.addProcessor(ADMIT, () -> new AdmitProcessor(config, metrics, clock), SOURCE);
        topology.addStateStore(SeenJobs.storeBuilder(config.dedupeRetention()), ADMIT);
        topology.addStateStore(Tallies.storeBuilder(), ADMIT);
        topology.addStateStore(ParkedJobs.storeBuilder(), ADMIT);
        for (String pool : config.pools()) {
            addSink(topology, Topics.ready(pool));
        }
        addSink(topology, Topics.COMPLETIONS);
        addSink(topology, Topics.DEAD_LETTERS);
        addSink(topology, Topics.BATCH_EVENTS);
        // By an extractor: a sink by name may not write to a topic that the topology reads.
        topology.addSink(
                AGAIN,
                (key, value, recordContext) -> Topics.PROMPTS,
                new ByteArraySerializer(),
                new ByteArraySerializer(),
                ADMIT);
        return topology;
    }

    private static void addSink(Topology topology, String topic) {
        topology.addSink(topic, topic, new ByteArraySerializer(), new ByteArraySerializer(), ADMIT);
    }
}
