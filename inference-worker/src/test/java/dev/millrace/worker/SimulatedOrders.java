package dev.millrace.worker;

import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerSimulation.BrokenPromise;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Gives random orders about jobs and batches, remembers them, and checks the endings against them.
 */
final class SimulatedOrders {
    static final int BATCHES = 12;

    private final SimulatedBroker broker;
    private final Random random;
    private final List<String> given = new ArrayList<>();

    /** How many jobs ended how; known after {@link #checkEndings}. */
    final Map<CompletionStatus, Integer> endings = new EnumMap<>(CompletionStatus.class);

    SimulatedOrders(SimulatedBroker broker, Random random) {
        this.broker = broker;
        this.random = random;
    }

    int count() {
        return given.size();
    }

    /** One order to some job of these, or to a batch. */
    void give(List<String> jobs) {
        boolean toBatch = random.nextInt(3) == 0;
        String target =
                toBatch
                        ? "batch b" + random.nextInt(BATCHES)
                        : "job " + jobs.get(random.nextInt(jobs.size()));
        int kind = random.nextInt(toBatch ? 30 : 10);
        order(
                switch (kind) {
                    case 0, 1 -> "CANCEL " + target;
                    case 2, 3 ->
                            "SET_DEADLINE "
                                    + target
                                    + " "
                                    + (broker.clock.millis() + random.nextInt(3000));
                    case 4, 5, 6 -> "SET_PRIORITY " + target + " " + (random.nextInt(7) - 3);
                    default -> (random.nextBoolean() ? "PAUSE " : "RESUME ") + target;
                });
    }

    /** Nothing stays paused, so that everything can end. */
    void resumeAll() {
        for (String order : List.copyOf(given)) {
            if (order.startsWith("PAUSE ")) {
                order(order.replace("PAUSE ", "RESUME "));
            }
        }
    }

    /** Whether the job or its batch was cancelled by one of the first {@code count} orders. */
    boolean wasCancelledBefore(int count, String job) {
        return spokeOf("CANCEL", given.subList(0, count), job);
    }

    /**
     * Nobody is cancelled or expires without an order; usage is told once, for whatever was
     * computed.
     */
    void checkEndings() {
        Set<String> used = new HashSet<>();
        for (SimulatedBroker.Output usage : broker.outputs(Topics.USAGE)) {
            if (!used.add(usage.value())) {
                throw new BrokenPromise(usage.value() + " is charged twice");
            }
        }
        Set<String> ended = new HashSet<>();
        for (SimulatedBroker.Output completion : broker.outputs(Topics.COMPLETIONS)) {
            String job = completion.key();
            ended.add(job);
            CompletionStatus status = CompletionStatus.valueOf(completion.value().split(" ")[1]);
            endings.merge(status, 1, Integer::sum);
            boolean isExplained =
                    switch (status) {
                        case COMPLETED -> used.contains(job);
                        case CANCELLED -> spokeOf("CANCEL", given, job);
                        case EXPIRED -> spokeOf("SET_DEADLINE", given, job);
                        case FAILED -> job.startsWith(TestJobs.BREAKS);
                    };
            if (!isExplained) {
                throw new BrokenPromise(job + " ended as " + status + " for no reason");
            }
        }
        if (!ended.containsAll(used)) {
            throw new BrokenPromise("jobs without an answer are charged");
        }
    }

    private void order(String words) {
        given.add(words);
        broker.order(words);
    }

    private static boolean spokeOf(String kind, List<String> orders, String job) {
        String[] parts = job.split("@");
        String batch = parts.length > 1 ? parts[1] : "batch";
        return orders.stream()
                .anyMatch(
                        order ->
                                order.startsWith(kind + " job " + job)
                                        || (order + " ")
                                                .startsWith(kind + " batch " + batch + " "));
    }
}
