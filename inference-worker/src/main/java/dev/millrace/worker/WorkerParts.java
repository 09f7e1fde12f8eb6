package dev.millrace.worker;

import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

import java.util.function.Supplier;

/**
 * What a worker is made of besides its Kafka clients; stays when the clients are made anew.
 *
 * @param serializer of every output record's value
 * @param deserializer of the jobs
 * @param controls deserializer of control commands
 */
record WorkerParts(
        JobEngine engine,
        Serializer<Object> serializer,
        Deserializer<?> deserializer,
        Deserializer<?> controls,
        Supplier<WorkerState> state) {}
