package dev.millrace.worker;

import dev.millrace.engine.api.LoadedModel;
import java.util.function.Supplier;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/**
 * What a worker is made of besides its Kafka clients; stays when the clients are made anew.
 *
 * @param serializer of every output record's value
 * @param deserializer of the jobs
 */
record WorkerParts(
        LoadedModel model, Serializer<Object> serializer, Deserializer<?> deserializer, Supplier<WorkerState> state) {}
