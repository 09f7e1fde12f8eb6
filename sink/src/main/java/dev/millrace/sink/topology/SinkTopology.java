package dev.millrace.sink.topology;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.UsageEvent;
import dev.millrace.sink.SinkSerdes;

import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.WallclockTimestampExtractor;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * What the sink does with each record.
 *
 * <pre>
 * completions ──▶ FINISHED events ──┐
 * control ─────▶ CANCEL_REQUESTED ──┤
 * batch-events ─────────────────────┴▶ by batchId ──▶ fold (batch-progress) ──▶ batches
 * usage ─────────────────────────────────────────────▶ fold (tenant-totals)   ──▶ tenant-usage
 * what cannot be read ───────────────────────────────────────────────────────▶ dead-letters
 * </pre>
 *
 * Usage is not repartitioned: its topic is keyed by tenant, so one task sees all of a tenant's
 * events.
 */
public final class SinkTopology {
    static final String BATCH_STORE = "batch-progress";
    static final String USAGE_STORE = "tenant-totals";

    private SinkTopology() {}

    /**
     * Builds the topology.
     *
     * @param round how often changed states are sent on
     */
    public static Topology build(SinkSerdes serdes, Duration round, SinkMetrics metrics) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store(BATCH_STORE, serdes.batchProgress()));
        builder.addStateStore(store(USAGE_STORE, serdes.tenantUsage()));

        KStream<String, BatchEvent> finished =
                source(
                                builder,
                                Topics.COMPLETIONS,
                                serdes,
                                metrics,
                                () ->
                                        new DecodeProcessor<>(
                                                serdes.completion().deserializer(),
                                                Completion::getBatchId,
                                                completion -> null))
                        .filter((batchId, completion) -> !isSentAgain(completion))
                        .peek((batchId, completion) -> metrics.completion(completion.getStatus()))
                        .filter((batchId, completion) -> !batchId.isEmpty())
                        .mapValues(SinkTopology::finished);
        KStream<String, BatchEvent> reported =
                source(
                        builder,
                        Topics.BATCH_EVENTS,
                        serdes,
                        metrics,
                        () ->
                                new DecodeProcessor<>(
                                        serdes.batchEvent().deserializer(),
                                        BatchEvent::getBatchId,
                                        SinkTopology::problemOf));
        finished.merge(reported)
                .merge(cancels(builder, serdes, metrics))
                .repartition(
                        Repartitioned.with(Serdes.String(), serdes.batchEvent())
                                .withName("batch-facts"))
                .process(
                        () -> new FoldProcessor<>(BATCH_STORE, new BatchRule(metrics), round),
                        BATCH_STORE)
                .to(Topics.BATCHES, Produced.with(Serdes.String(), serdes.batchProgress()));

        KStream<String, UsageEvent> usage =
                source(
                        builder,
                        Topics.USAGE,
                        serdes,
                        metrics,
                        () ->
                                new DecodeProcessor<>(
                                        serdes.usageEvent().deserializer(),
                                        UsageEvent::getTenant,
                                        event -> null));
        usage.process(() -> new FoldProcessor<>(USAGE_STORE, new UsageRule(), round), USAGE_STORE)
                .to(Topics.TENANT_USAGE, Produced.with(Serdes.String(), serdes.tenantUsage()));
        return builder.build();
    }

    /** Orders to cancel a batch; what else is ordered changes no batch. */
    private static KStream<String, BatchEvent> cancels(
            StreamsBuilder builder, SinkSerdes serdes, SinkMetrics metrics) {
        return source(
                        builder,
                        Topics.CONTROL,
                        serdes,
                        metrics,
                        () ->
                                new DecodeProcessor<>(
                                        serdes.control().deserializer(),
                                        SinkTopology::batchOf,
                                        command -> null))
                .filter(
                        (batchId, command) ->
                                command.getKind() == ControlKind.CANCEL && !batchId.isEmpty())
                .mapValues(SinkTopology::cancelRequested);
    }

    /** The readable values of a topic; the others go to the dead letters. */
    private static <T> KStream<String, T> source(
            StreamsBuilder builder,
            String topic,
            SinkSerdes serdes,
            SinkMetrics metrics,
            Supplier<DecodeProcessor<T>> decoder) {
        KStream<String, Decoded<T>> decoded =
                builder.stream(
                                topic,
                                Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())
                                        // Nothing here depends on a record's time, and a foreign
                                        // producer may have set none.
                                        .withTimestampExtractor(new WallclockTimestampExtractor()))
                        .process(decoder::get);
        decoded.filter((key, each) -> each.deadLetter() != null)
                .peek((key, each) -> metrics.deadLetter())
                .mapValues(Decoded::deadLetter)
                .to(Topics.DEAD_LETTERS, Produced.with(Serdes.String(), serdes.deadLetter()));
        return decoded.filter((key, each) -> each.value() != null).mapValues(Decoded::value);
    }

    /** An answer sent once more after a resubmission: it was counted when it was made. */
    private static boolean isSentAgain(Completion completion) {
        return completion.getJobId().equals(completion.getServedFrom());
    }

    private static String batchOf(ControlCommand command) {
        return command.getBatchId() == null ? "" : command.getBatchId();
    }

    private static BatchEvent cancelRequested(ControlCommand command) {
        return BatchEvent.newBuilder()
                .setBatchId(command.getBatchId())
                .setKind(BatchEventKind.CANCEL_REQUESTED)
                .setAt(command.getAt())
                .build();
    }

    private static BatchEvent finished(Completion completion) {
        return BatchEvent.newBuilder()
                .setBatchId(completion.getBatchId())
                .setKind(BatchEventKind.FINISHED)
                .setTenant(completion.getTenant())
                .setEndpoint(completion.getEndpoint())
                .setStatus(completion.getStatus())
                .setUsage(completion.getUsage())
                .setAt(completion.getFinishedAt())
                .build();
    }

    private static String problemOf(BatchEvent event) {
        if (event.getBatchId().isEmpty()) {
            return "batchId is empty";
        }
        if (event.getKind() == BatchEventKind.CANCEL_REQUESTED) {
            return "kind CANCEL_REQUESTED is the sink's own; a cancel is ordered on the control"
                    + " topic";
        }
        if (event.getKind() == BatchEventKind.FINISHED) {
            return "kind FINISHED is the sink's own; the end of a job is told by its completion";
        }
        if (event.getLines() < 0 || event.getAdmitted() < 0 || event.getDuplicates() < 0) {
            return "lines, admitted and duplicates must not be negative";
        }
        return null;
    }

    private static <T> StoreBuilder<KeyValueStore<String, T>> store(String name, Serde<T> values) {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(name), Serdes.String(), values)
                .withCachingEnabled();
    }
}
