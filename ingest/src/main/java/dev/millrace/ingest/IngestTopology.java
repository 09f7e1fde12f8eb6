package dev.millrace.ingest;

import dev.millrace.schemas.Topics;

import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

import java.time.Duration;
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
 * shared-prefixes, control, answers ──▶ global stores that admit looks into
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
    static final String EQUAL = "equal-answers-out";
    private static final String SOURCE = "read-prompts";
    private static final String ENDED = "read-completions";
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
                // Named to come after read-prompts: the number of the task that counts tallies must
                // not change.
                "watch-control",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.CONTROL,
                "update-control",
                ControlOrders.Updater::new);
        if (config.policies().reusesEqualAnswers()) {
            addEqualAnswers(topology, config.dedupeRetention());
        }
        topology.addSource(
                AutoOffsetReset.earliest(),
                SOURCE,
                (record, partitionTime) -> clock.millis(),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.PROMPTS);
        boolean readsCompletions = config.policies().readsCompletions();
        if (readsCompletions) {
            addCompletions(topology, clock);
        }
        topology.addProcessor(
                ADMIT,
                () -> new AdmitProcessor(config, metrics, clock),
                readsCompletions ? new String[] {SOURCE, ENDED} : new String[] {SOURCE});
        topology.addStateStore(SeenJobs.storeBuilder(config.dedupeRetention()), ADMIT);
        topology.addStateStore(Tallies.storeBuilder(), ADMIT);
        topology.addStateStore(ParkedJobs.storeBuilder(), ADMIT);
        for (String pool : config.pools()) {
            addSink(topology, Topics.ready(pool));
        }
        addPolicyStores(topology, config);
        addSink(topology, Topics.DEAD_LETTERS);
        addSink(topology, Topics.BATCH_EVENTS);
        addSinkToSource(topology, AGAIN, Topics.PROMPTS);
        addSinkToSource(topology, Topics.COMPLETIONS, Topics.COMPLETIONS);
        return topology;
    }

    /**
     * Completions come back to the task that admitted their jobs: the same key, and as many
     * partitions.
     */
    private static void addCompletions(Topology topology, InstantSource clock) {
        topology.addSource(
                AutoOffsetReset.earliest(),
                ENDED,
                (record, partitionTime) -> clock.millis(),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.COMPLETIONS);
    }

    private static void addEqualAnswers(Topology topology, Duration retention) {
        topology.addGlobalStore(
                EqualAnswers.storeBuilder(retention),
                // Named to come after read-prompts, like watch-control.
                "watch-equal-answers",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                Topics.ANSWERS,
                "update-equal-answers",
                () -> new EqualAnswers.Updater(retention));
    }

    private static void addPolicyStores(Topology topology, IngestConfig config) {
        if (config.policies().reEmitsDuplicates()) {
            topology.addStateStore(AnsweredJobs.storeBuilder(config.dedupeRetention()), ADMIT);
        }
        if (config.policies().reusesEqualAnswers()) {
            topology.addStateStore(EqualAnswers.askedStoreBuilder(), ADMIT);
            addSinkToSource(topology, EQUAL, Topics.ANSWERS);
        }
        if (!config.policies().quotas().isEmpty()) {
            topology.addStateStore(EnqueuedJobs.storeBuilder(), ADMIT);
            topology.addStateStore(TenantGate.heldStoreBuilder(), ADMIT);
        }
    }

    /** By an extractor: a sink by name may not write to a topic that the topology reads. */
    private static void addSinkToSource(Topology topology, String name, String topic) {
        topology.addSink(
                name,
                (key, value, recordContext) -> topic,
                new ByteArraySerializer(),
                new ByteArraySerializer(),
                ADMIT);
    }

    private static void addSink(Topology topology, String topic) {
        topology.addSink(topic, topic, new ByteArraySerializer(), new ByteArraySerializer(), ADMIT);
    }
}
