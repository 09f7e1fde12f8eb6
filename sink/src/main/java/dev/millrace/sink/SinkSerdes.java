package dev.millrace.sink;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.UsageEvent;
import dev.millrace.schemas.serde.AvroSerde;

import org.apache.kafka.common.serialization.Serde;

import java.util.Map;

/**
 * Serdes of the records that the sink reads and writes, all against one registry; safe for use by
 * several threads.
 */
public final class SinkSerdes implements AutoCloseable {
    private final AvroSerde<Completion> completion;
    private final AvroSerde<BatchEvent> batchEvent;
    private final AvroSerde<BatchProgress> batchProgress;
    private final AvroSerde<UsageEvent> usageEvent;
    private final AvroSerde<TenantUsage> tenantUsage;
    private final AvroSerde<DeadLetter> deadLetter;
    private final AvroSerde<ControlCommand> control;

    /**
     * @param clientProperties schema.registry.url and whatever else the serde understands
     */
    public SinkSerdes(Map<String, Object> clientProperties) {
        completion = AvroSerde.forValues(Completion.class, clientProperties);
        batchEvent = AvroSerde.forValues(BatchEvent.class, clientProperties);
        batchProgress = AvroSerde.forValues(BatchProgress.class, clientProperties);
        usageEvent = AvroSerde.forValues(UsageEvent.class, clientProperties);
        tenantUsage = AvroSerde.forValues(TenantUsage.class, clientProperties);
        deadLetter = AvroSerde.forValues(DeadLetter.class, clientProperties);
        control = AvroSerde.forValues(ControlCommand.class, clientProperties);
    }

    public Serde<Completion> completion() {
        return completion;
    }

    public Serde<BatchEvent> batchEvent() {
        return batchEvent;
    }

    public Serde<BatchProgress> batchProgress() {
        return batchProgress;
    }

    public Serde<UsageEvent> usageEvent() {
        return usageEvent;
    }

    public Serde<TenantUsage> tenantUsage() {
        return tenantUsage;
    }

    public Serde<DeadLetter> deadLetter() {
        return deadLetter;
    }

    public Serde<ControlCommand> control() {
        return control;
    }

    @Override
    public void close() {
        completion.close();
        batchEvent.close();
        batchProgress.close();
        usageEvent.close();
        tenantUsage.close();
        deadLetter.close();
        control.close();
    }
}
