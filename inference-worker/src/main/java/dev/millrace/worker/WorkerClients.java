package dev.millrace.worker;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.IsolationLevel;

/** Makes a worker's Kafka clients: again after it was fenced, and by a test's own means in simulations. */
interface WorkerClients {

    /** A member of the worker's group, not yet subscribed. */
    Consumer<byte[], byte[]> newConsumer();

    /** The worker's transactional producer, not yet initialised. */
    Producer<byte[], byte[]> newProducer();

    /** A consumer without a group, to read back completions. */
    Consumer<byte[], byte[]> newHistoryConsumer(IsolationLevel isolation);
}
