package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.KvTierStats;
import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.api.KvTiers.DiskKeeps;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.Stream;

/**
 * The worlds of {@link EngineSimulationTest} with tiers below tiny devices: every block that comes
 * back must hold what its place in the sequence says. A failure prints its seed; run that one alone
 * with {@code -Dmillrace.simulation.seed=N}.
 */
class TieredSimulationTest {
    private static final long STEPS_WANTED = 60_000;
    private static final long DISK_STEPS_WANTED = 12_000;
    private static final int STEPS_WITH_ARRIVALS = 400;

    @Test
    void everyAnswerIsTheOraclesWithHostMemory() {
        Totals totals = new Totals();
        eachSeed(
                STEPS_WANTED,
                totals,
                seed -> totals.add(run(seed, imageBytes -> KvTiers.host(slots(seed, imageBytes)))));
        // Positive control: blocks did come back.
        assertTrue(totals.hostHits > 10_000, "tokens from host memory: " + totals.hostHits);
    }

    @Test
    void everyAnswerIsTheOraclesThroughDiskRestartAndDamage(@TempDir Path folder) {
        Totals totals = new Totals();
        eachSeed(
                DISK_STEPS_WANTED,
                totals,
                seed -> {
                    SplittableRandom random = new SplittableRandom(seed);
                    Path own = folder.resolve(Long.toString(seed));
                    LongFunction<KvTiers> tiers = disk(seed, own, 40);
                    for (int life = 0; life < 3; life++) {
                        totals.add(run(seed, tiers));
                        damageSome(random, own);
                    }
                });
        assertTrue(totals.hostHits > 1_000, "tokens from host memory: " + totals.hostHits);
        assertTrue(totals.diskHits > 1_000, "tokens from disk: " + totals.diskHits);
        assertTrue(totals.refused > 10, "files refused: " + totals.refused);
        assertTrue(totals.dropped > 100, "writes dropped: " + totals.dropped);
    }

    /** Positive control: a block that comes back to the wrong place is noticed. */
    @Test
    void aBlockInTheWrongPlaceIsNoticed() {
        AssertionError error =
                assertThrows(
                        AssertionError.class,
                        () -> runBroken(SimulatedExecutor::mixUpImports, this::hostOnly));
        assertTrue(error.getMessage().contains("finds"), error.getMessage());
    }

    /** Positive control: files written from slots that the device has yet to fill are noticed. */
    @Test
    void copiesThatNobodyWaitedForAreNoticed(@TempDir Path folder) {
        AssertionError error =
                assertThrows(
                        AssertionError.class,
                        () ->
                                runBroken(
                                        SimulatedExecutor::forgetToSettle,
                                        seed -> disk(seed, folder.resolve("" + seed), 1 << 20)));
        assertTrue(error.getMessage().contains("finds"), error.getMessage());
    }

    private interface TiersOf {
        LongFunction<KvTiers> of(long seed);
    }

    private LongFunction<KvTiers> hostOnly(long seed) {
        return imageBytes -> KvTiers.host(slots(seed, imageBytes));
    }

    private static void runBroken(Consumer<SimulatedExecutor> fault, TiersOf tiers) {
        for (long seed = 1; seed <= 200; seed++) {
            SimulationWorld world = new SimulationWorld(seed, tiers.of(seed));
            fault.accept(world.executor());
            world.run(STEPS_WITH_ARRIVALS);
        }
    }

    private static LongFunction<KvTiers> disk(long seed, Path folder, int files) {
        DiskKeeps keeps = seed % 2 == 0 ? DiskKeeps.ALL : DiskKeeps.REUSED;
        return imageBytes ->
                new KvTiers(slots(seed, imageBytes), folder, files * (imageBytes + 300), keeps);
    }

    /** Host memory for few images: 4 to 19. */
    private static long slots(long seed, long imageBytes) {
        return (4 + seed % 16) * Math.ceilDiv(imageBytes, 64) * 64;
    }

    private static void eachSeed(long steps, Totals totals, Consumer<Long> life) {
        Long only = Long.getLong("millrace.simulation.seed");
        for (long seed = only == null ? 1 : only; totals.steps < steps; seed++) {
            try {
                life.accept(seed);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("simulation seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    private static EngineStats run(long seed, LongFunction<KvTiers> tiers) {
        SimulationWorld world = new SimulationWorld(seed, tiers);
        world.run(STEPS_WITH_ARRIVALS);
        EngineStats stats = world.stats();
        world.close();
        return stats;
    }

    /** Changes a byte, cuts, or gives the content of another block to every third file. */
    private static void damageSome(SplittableRandom random, Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            List<Path> files =
                    all.filter(file -> file.toString().endsWith(".kv")).sorted().toList();
            for (Path file : files) {
                byte[] bytes = Files.readAllBytes(file);
                switch (random.nextInt(9)) {
                    case 0 -> bytes[random.nextInt(bytes.length)] ^= 1 << random.nextInt(8);
                    case 1 -> bytes = Files.readAllBytes(files.get(random.nextInt(files.size())));
                    case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
                    default -> {
                        continue;
                    }
                }
                Files.write(file, bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class Totals {
        long steps;
        long hostHits;
        long diskHits;
        long refused;
        long dropped;

        void add(EngineStats stats) {
            KvTierStats tiers = stats.tiers();
            steps += stats.steps();
            hostHits += tiers.hostHitTokens();
            diskHits += tiers.diskHitTokens();
            refused += tiers.refusedFiles();
            dropped += tiers.droppedWrites();
        }
    }
}
