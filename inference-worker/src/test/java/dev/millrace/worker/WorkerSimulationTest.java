package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.millrace.schemas.CompletionStatus;
import dev.millrace.worker.WorkerSimulation.World;

import org.junit.jupiter.api.Test;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Exactly once under every trouble that the simulation knows, for many seeds; a failing one is
 * named and can be run alone.
 */
class WorkerSimulationTest {
    private static final int SEEDS = 50;

    @Test
    void everyJobIsAnsweredOnceAndNoCommittedOneIsComputedAgain() {
        assertTrue(runSeeds(World.FAITHFUL) >= 60_000, "the runs together are long enough");
    }

    @Test
    void lostMetadataDoublesNothing() {
        assertTrue(runSeeds(World.LOSES_METADATA) >= 60_000, "the runs together are long enough");
    }

    /** The control: the same runs catch a worker that is not told what is finished ahead. */
    @Test
    void ignoringTheFinishedAheadSetIsCaught() {
        assertThrows(
                WorkerSimulation.BrokenPromise.class,
                () -> {
                    for (long seed = 1; seed <= SEEDS; seed++) {
                        new WorkerSimulation(seed, World.IGNORES_FINISHED_AHEAD).run();
                    }
                });
    }

    /** The control: the same runs catch a worker that does not obey. */
    @Test
    void ignoringCancelsIsCaught() {
        assertThrows(
                WorkerSimulation.BrokenPromise.class,
                () -> {
                    for (long seed = 1; seed <= SEEDS; seed++) {
                        new WorkerSimulation(seed, World.HIDES_CANCELS).run();
                    }
                });
    }

    private static long runSeeds(World world) {
        Map<CompletionStatus, Integer> endings = new EnumMap<>(CompletionStatus.class);
        long steps = 0;
        int crashes = 0;
        long stepsResumed = 0;
        int engineFailures = 0;
        for (long seed = 1; seed <= SEEDS; seed++) {
            WorkerSimulation simulation = new WorkerSimulation(seed, world);
            try {
                simulation.run();
            } catch (RuntimeException | AssertionError e) {
                fail(
                        "seed "
                                + seed
                                + " of world "
                                + world
                                + ", step "
                                + simulation.steps
                                + ": "
                                + e,
                        e);
            }
            simulation
                    .endings()
                    .forEach((status, count) -> endings.merge(status, count, Integer::sum));
            steps += simulation.steps;
            crashes += simulation.crashes;
            stepsResumed += simulation.stepsResumed;
            engineFailures += simulation.engineFailures;
        }
        assertTrue(crashes >= SEEDS, "only " + crashes + " crashes");
        assertTrue(engineFailures >= SEEDS, "only " + engineFailures + " engines broke");
        assertTrue(endings.getOrDefault(CompletionStatus.FAILED, 0) > 0, "how jobs ended: " + endings);
        assertTrue(stepsResumed >= SEEDS, "only " + stepsResumed + " steps were not done again");
        for (CompletionStatus status :
                List.of(CompletionStatus.CANCELLED, CompletionStatus.EXPIRED)) {
            assertTrue(endings.getOrDefault(status, 0) > SEEDS, "how jobs ended: " + endings);
        }
        return steps;
    }
}
