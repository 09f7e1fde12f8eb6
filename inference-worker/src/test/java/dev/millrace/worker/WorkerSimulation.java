package dev.millrace.worker;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;

import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TransactionAbortableException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Some real worker loops, one broker, one thread, one seed: crashes at any call, rebalances,
 * members thrown out without knowing, engines that break over a job, fencing, aborts, timeouts
 * before and after the effect, slow jobs, poison, lost metadata, and orders: jobs and batches are
 * cancelled, paused, resumed, reordered, given deadlines. It stops at the first broken promise.
 */
final class WorkerSimulation {
    private static final int PARTITIONS = 4;
    private static final int WORKERS = 3;
    private static final int JOBS = 250;
    private static final int TROUBLED_STEPS = 1200;
    private static final int MAX_STEPS = 20_000;

    /** What the simulated world does beyond crashes and rebalances. */
    enum World {
        /** Metadata is kept as committed. */
        FAITHFUL,
        /**
         * Now and then an offset loses its metadata, has it garbled, or is moved back to the
         * beginning.
         */
        LOSES_METADATA,
        /** The broken rule of a control run: the finished-ahead set is emptied at every read. */
        IGNORES_FINISHED_AHEAD,
        /** The broken rule of a control run: workers do not see that something was cancelled. */
        HIDES_CANCELS
    }

    /** A promise that was not kept. */
    static final class BrokenPromise extends AssertionError {
        private static final long serialVersionUID = 1L;

        BrokenPromise(String message) {
            super(message);
        }
    }

    /**
     * Ends a worker where it stands, as kill -9 does. An Error, so that no rule of the worker can
     * catch it.
     */
    private static final class Crash extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static final class Worker {
        private final WorkerLoop loop;

        private Worker(WorkerLoop loop) {
            this.loop = loop;
        }
    }

    private final Random random;
    private final World world;
    private final ManualClock clock = new ManualClock();
    private final SimulatedBroker broker = new SimulatedBroker(clock, PARTITIONS);
    private final Map<String, Worker> workers = new TreeMap<>();
    private final List<String> jobs = new ArrayList<>();
    private final SimulatedOrders orders;
    private boolean isTroubled = true;
    int steps;
    int crashes;
    long stepsResumed;
    int engineFailures;

    WorkerSimulation(long seed, World world) {
        this.random = new Random(seed);
        this.world = world;
        orders = new SimulatedOrders(broker, random);
        broker.faults = this::fault;
    }

    /** Runs until every job has its answer. */
    void run() {
        publish(JOBS / 2);
        while (steps < TROUBLED_STEPS) {
            if (chance(0.01)) {
                publish(random.nextInt(JOBS / 10));
            }
            disturb();
            if (chance(0.02)) {
                orders.give(jobs);
            }
            step();
        }
        isTroubled = false;
        orders.resumeAll();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            // Something for every owner to commit, also where the world has taken an offset away
            // behind its back.
            broker.append(partition, "last-" + partition, 0);
        }
        while (!broker.unanswered().isEmpty()) {
            step();
            if (steps > MAX_STEPS) {
                throw new BrokenPromise("no answer to " + broker.unanswered());
            }
        }
        checkOffsetsReachTheEnd();
        broker.answers.forEach(
                (job, count) -> {
                    if (count != 1) {
                        throw new BrokenPromise(job + " has " + count + " answers");
                    }
                });
        orders.checkEndings();
    }

    /** How many jobs ended how. */
    Map<CompletionStatus, Integer> endings() {
        return orders.endings;
    }

    private void publish(int count) {
        for (int i = 0; i < count && jobs.size() < JOBS; i++) {
            String batch = "b" + random.nextInt(SimulatedOrders.BATCHES);
            String tenant = chance(0.7) ? "large" : "small";
            String kind = chance(0.03) ? TestJobs.POISON : chance(0.005) ? TestJobs.BREAKS : "job";
            String name = kind + "-" + jobs.size();
            String job = name + "@" + batch + "@" + tenant;
            jobs.add(job);
            broker.append(random.nextInt(PARTITIONS), job, chance(0.1) ? 1 + random.nextInt(3) : 0);
        }
        broker.appendMarker(random.nextInt(PARTITIONS));
    }

    private void step() {
        steps++;
        clock.advance(Duration.ofMillis(random.nextInt(40)));
        String id = "worker-" + random.nextInt(WORKERS);
        Worker worker = workers.computeIfAbsent(id, this::start);
        try {
            worker.loop.doWork();
            if (worker.loop.isDrained()) {
                worker.loop.leave();
                workers.remove(id);
            }
        } catch (Crash crash) {
            crashes++;
            workers.remove(id);
        } catch (WorkerFailedException e) {
            boolean isEngine = e.getMessage().startsWith("the engine is broken: it cannot do breaks");
            engineFailures += isEngine ? 1 : 0;
            if (!isTroubled && !isEngine) {
                throw new BrokenPromise("a worker gave up without trouble: " + e);
            }
            worker.loop.abandon();
            workers.remove(id);
        }
    }

    private Worker start(String id) {
        WorkerConfig config =
                WorkerConfig.defaults(id, "pool", "cpu", Map.of())
                        .withCommit(Duration.ofMillis(100), 8)
                        .withBuffer(24, 1 << 20);
        int ordersAtStart = orders.count();
        SimulatedEngine engine =
                new SimulatedEngine(clock, request -> stepsOf(request, ordersAtStart), 12);
        engine.onStep =
                step -> {
                    stepsResumed += engine.stepsResumed;
                    engine.stepsResumed = 0;
                    fault("step");
                };
        WorkerContext context = TestJobs.context(config, clock);
        WorkerParts parts =
                new WorkerParts(
                        new LocalJobEngine(TestJobs.model(engine)),
                        TestJobs.SERIALIZER,
                        TestJobs.DESERIALIZER,
                        this::readOrder,
                        () -> WorkerState.RUNNING);
        return new Worker(
                new WorkerLoop(context, parts, broker.clients(id, 1 + random.nextInt(10))));
    }

    private ControlCommand readOrder(String topic, byte[] words) {
        ControlCommand command = TestJobs.CONTROLS.deserialize(topic, words);
        if (world == World.HIDES_CANCELS && command.getKind() == ControlKind.CANCEL) {
            command.setKind(ControlKind.RESUME);
        }
        return command;
    }

    /**
     * Called as an engine begins with a request, which is where work would be done twice, or in
     * vain.
     */
    private int stepsOf(EngineRequest request, int ordersAtStart) {
        String job = SimulatedEngine.promptOf(request).substring("prompt of ".length());
        if (orders.wasCancelledBefore(ordersAtStart, job)) {
            throw new BrokenPromise(
                    job + " was cancelled before its worker started, and is computed");
        }
        if (broker.isAnswered(job)) {
            throw new BrokenPromise(job + " has a committed answer and is computed again");
        }
        if (job.startsWith(TestJobs.BREAKS)) {
            throw new IllegalStateException("it cannot do " + job);
        }
        return chance(0.02) ? 150 : 1 + random.nextInt(6);
    }

    private void disturb() {
        if (chance(0.004) && !broker.members.isEmpty()) {
            // Thrown out of the group without knowing: its partitions go to others at once.
            broker.remove(
                    new ArrayList<>(broker.members.values())
                            .get(random.nextInt(broker.members.size())));
        }
        if (chance(0.002) && !workers.isEmpty()) {
            new ArrayList<>(workers.values()).get(random.nextInt(workers.size())).loop.drain();
        }
        if (chance(0.002)) {
            broker.producerEpochs.computeIfPresent(
                    "worker-" + random.nextInt(WORKERS), (id, epoch) -> epoch + 1);
        }
        TopicPartition partition = broker.partitions.get(random.nextInt(PARTITIONS));
        OffsetAndMetadata committed = broker.committed.get(partition);
        if (committed == null) {
            return;
        }
        if (world == World.IGNORES_FINISHED_AHEAD) {
            broker.committed.replaceAll(
                    (any, offset) ->
                            new OffsetAndMetadata(
                                    offset.offset(),
                                    FinishedAheadCodec.encode(
                                            offset.offset(), FinishedAhead.NONE, 0)));
        } else if (world == World.LOSES_METADATA && chance(0.02)) {
            broker.committed.put(
                    partition,
                    switch (random.nextInt(4)) {
                        case 0 -> new OffsetAndMetadata(committed.offset());
                        case 1 ->
                                new OffsetAndMetadata(
                                        committed.offset(), committed.metadata() + "A");
                        case 2 -> new OffsetAndMetadata(0, committed.metadata());
                        default -> null;
                    });
            broker.committed.values().removeIf(offset -> offset == null);
        }
    }

    private void fault(String point) {
        if (!isTroubled) {
            return;
        }
        if (chance(0.0015)) {
            throw new Crash();
        }
        if (!chance(0.02)) {
            return;
        }
        switch (point) {
            case "commit.before", "commit.after", "committed", "history.poll", "init" ->
                    throw new TimeoutException(point);
            case "begin", "send", "offsets" -> throw new TransactionAbortableException(point);
            default -> {}
        }
    }

    /**
     * When all is answered, lag is zero: offsets reach the end, markers included, and nothing is
     * finished ahead.
     */
    private void checkOffsetsReachTheEnd() {
        int limit = steps + 2000;
        while (!isAllCommitted()) {
            step();
            if (steps > limit) {
                throw new BrokenPromise(
                        "all is answered, but committed is "
                                + broker.committed
                                + " and the ends are "
                                + broker.logEnds);
            }
        }
    }

    private boolean isAllCommitted() {
        return broker.logEnds.entrySet().stream()
                .allMatch(
                        end -> {
                            OffsetAndMetadata committed = broker.committed.get(end.getKey());
                            return end.getValue() == 0
                                    || committed != null && committed.offset() == end.getValue();
                        });
    }

    private boolean chance(double probability) {
        return random.nextDouble() < probability;
    }
}
