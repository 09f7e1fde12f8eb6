package dev.millrace.worker;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One membership in the group: the two clients and everything that is only true while they are. A
 * fenced worker throws its session away as a whole and opens another, so nothing of the old one can
 * be committed by the new one.
 */
final class WorkerSession {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerSession.class);

    final JobBuffer jobs;
    final JobAdmission admission;
    final ResultEncoder results;
    final RequestIntake intake;
    final CommitCycle commits;
    final DuplicateGuard guard;
    final JobOrders orders;
    final EngineFeed feed;
    final HandOvers handOvers;
    private final HandOverWriter writer;
    private final BrokenEngine broken;
    private final ControlFeed control;
    private final WorkerContext context;
    private final JobEngine engine;
    private final Consumer<byte[], byte[]> consumer;
    private final Producer<byte[], byte[]> producer;

    /** Clients made, transactions of a predecessor finished, topic subscribed. */
    WorkerSession(WorkerContext context, WorkerParts parts, WorkerClients clients) {
        this.context = context;
        engine = parts.engine();
        producer = clients.newProducer();
        try {
            // Before the group is joined: whatever a predecessor left open must be decided when
            // offsets are read.
            producer.initTransactions();
            consumer = clients.newConsumer();
        } catch (RuntimeException e) {
            producer.close(context.limits().closeTimeout());
            throw e;
        }
        Map<TopicPartition, OffsetLedger> ledgers = new LinkedHashMap<>();
        jobs = new JobBuffer(context.config(), context.limits());
        results =
                new ResultEncoder(
                        context.config().workerId(), engine.modelFingerprint(), context.clock());
        ResultPublisher publisher = new ResultPublisher(parts.serializer(), results);
        WorkerStatsPublisher stats =
                new WorkerStatsPublisher(context, engine, jobs, ledgers, publisher, parts.state());
        commits =
                new CommitCycle(
                        context,
                        new CommitCycle.WorkerClientPair(consumer, producer),
                        ledgers,
                        jobs,
                        publisher,
                        stats);
        guard = new DuplicateGuard(clients, context.config().maxRecoveredJobIds());
        handOvers =
                new HandOvers(context, clients, parts.deserializer(), engine.modelFingerprint());
        writer = new HandOverWriter(context, engine, publisher);
        broken = new BrokenEngine(context, jobs, writer, results);
        try {
            control = new ControlFeed(context, clients, parts.controls());
        } catch (RuntimeException e) {
            closeClients(GroupMembershipOperation.DEFAULT);
            throw e;
        }
        orders = new JobOrders(context, control, jobs, engine, results);
        feed = new EngineFeed(context, jobs, engine, results);
        admission = 
                new JobAdmission(
                        context,
                        jobs,
                        orders,
                        new JobAdmission.Answering(engine, handOvers),
                        results);
        intake =
                new RequestIntake(
                        context,
                        consumer,
                        ledgers,
                        jobs,
                        new RequestIntake.Holds(guard, handOvers),
                        new RequestIntake.JobReader(parts.deserializer(), admission, control));
        consumer.subscribe(
                List.of(Topics.ready(context.config().pool())), rebalanceRules(ledgers));
    }

    private AssignedPartitions rebalanceRules(Map<TopicPartition, OffsetLedger> ledgers) {
        return new AssignedPartitions(
                context,
                consumer,
                ledgers,
                jobs,
                guard,
                new AssignedPartitions.Leaving(commits, engine, writer, handOvers));
    }

    /**
     * Gives up without a commit. A static member keeps its place, for the session that follows or a
     * restart.
     */
    void abandon() {
        abortAll();
        close(GroupMembershipOperation.DEFAULT);
    }

    /**
     * The engine has broken: one last commit, of what had finished before and of which jobs were in
     * it. The place in the group stays, for the restart.
     */
    void recordFailure(Throwable failure) {
        if (!handOvers.isEnabled()) {
            // A server elsewhere: what fails in step is the way to it, and no job's fault.
            return;
        }
        try {
            CommitCycle.Outcome outcome = commits.flush(broken.accuse(failure));
            LOG.info("jobs that the engine broke over: {}", outcome);
        } catch (RuntimeException e) {
            // The next failure over the same jobs will be recorded instead.
            LOG.warn("which jobs the engine broke over is not recorded: {}", e.toString());
        }
    }

    /** One last commit, then out of the group, so that others get the partitions at once. */
    void leave() {
        List<ProducerRecord<byte[], byte[]>> handedOver = writer.stop(jobs.dropUnfinished());
        try {
            commits.finish(handedOver);
        } finally {
            close(GroupMembershipOperation.LEAVE_GROUP);
        }
    }

    private void abortAll() {
        for (InFlightJob job : jobs.dropUnfinished()) {
            engine.abort(job.request().requestId());
        }
    }

    private void close(GroupMembershipOperation membership) {
        commits.close();
        guard.close();
        closeQuietly("hand-over consumer", handOvers::close);
        closeQuietly("control consumer", control::close);
        closeClients(membership);
    }

    private void closeClients(GroupMembershipOperation membership) {
        closeQuietly("producer", () -> producer.close(context.limits().closeTimeout()));
        closeQuietly(
                "consumer",
                () ->
                        consumer.close(
                                CloseOptions.timeout(context.limits().closeTimeout())
                                        .withGroupMembershipOperation(membership)));
    }

    /** A client that fails to close must not hide why it is closed, nor keep the other one open. */
    private static void closeQuietly(String what, Runnable close) {
        try {
            close.run();
        } catch (RuntimeException e) {
            LOG.warn("closing the {} failed: {}", what, e.toString());
        }
    }
}
