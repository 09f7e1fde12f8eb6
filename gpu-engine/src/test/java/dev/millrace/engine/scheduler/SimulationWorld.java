package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.kvtier.ManualArchive;
import dev.millrace.engine.observe.StepTrace;

import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongFunction;

/**
 * One engine with settings, arrivals and aborts drawn from a seed. Every answer is compared with
 * the oracle's, and blocks are counted after every step.
 */
final class SimulationWorld {
    private final SplittableRandom random;
    private final EngineConfig config;
    private final SimulatedExecutor executor;
    private final LlmEngine engine;

    /** Null where there are no tiers. */
    private final ManualArchive archive;

    private final Map<Long, EngineRequest> open = new HashMap<>();
    private final List<Long> openIds = new ArrayList<>();
    private final StringBuilder trace = new StringBuilder();
    private final int[][] sharedPrefixes = new int[4][];
    private long nextId;
    private long tokensHandedOver;
    private long clock;

    /** A world whose blocks live on the device alone. */
    SimulationWorld(long seed) {
        this(seed, imageBytes -> KvTiers.OFF);
    }

    /**
     * @param tiers bytes of a block's image to the tiers below the device
     */
    SimulationWorld(long seed, LongFunction<KvTiers> tiers) {
        random = new SplittableRandom(seed);
        int blockSize = 1 << random.nextInt(5);
        int maxModelLen = 8 + random.nextInt(90);
        int blocksForOne = (maxModelLen + blockSize - 1) / blockSize;
        int numBlocks = blocksForOne + random.nextInt(4 * blocksForOne);
        int maxNumSeqs = 1 + random.nextInt(8);
        int budget = 1 + random.nextInt(64);
        boolean prefixCaching = random.nextInt(4) > 0 || tiers.apply(1).isOn();
        boolean asynchronous = random.nextInt(2) == 0;
        Speculation.Mode[] modes = Speculation.Mode.values();
        Speculation speculation =
                new Speculation(modes[random.nextInt(modes.length)], 1 + random.nextInt(8));
        config =
                new EngineConfig(
                        "simulated",
                        maxNumSeqs,
                        budget,
                        blockSize,
                        1,
                        maxModelLen,
                        prefixCaching,
                        1,
                        Numerics.DEFAULT,
                        speculation);
        executor = new SimulatedExecutor(numBlocks, blockSize, maxModelLen, asynchronous);
        KvTiers below = tiers.apply(executor.kvStore().imageBytes());
        InstantSource ticks = () -> Instant.ofEpochMilli(clock++);
        engine =
                new LlmEngine(
                        executor,
                        new SimulatedTexts(),
                        new int[] {SimulatedTexts.EOS},
                        config,
                        ticks,
                        () -> clock++);
        engine.listen(new StepTrace(trace));
        archive = below.isOn() ? new ManualArchive(below, executor.kvStore()) : null;
        if (archive != null) {
            engine.useArchive(archive.archive());
        }
        for (int i = 0; i < sharedPrefixes.length; i++) {
            sharedPrefixes[i] = randomTokens(1 + random.nextInt(maxModelLen / 2));
        }
    }

    /** The model agrees with every guess from now on, so that wrong ones pass. */
    void acceptEveryGuess() {
        executor.agreeWithGuesses();
    }

    Speculation.Mode speculation() {
        return executor.isAsynchronous() ? Speculation.Mode.OFF : config.speculation().mode();
    }

    EngineStats stats() {
        return engine.stats();
    }

    long tokensComputed() {
        return executor.tokensComputed();
    }

    SimulatedExecutor executor() {
        return executor;
    }

    /** Ends the engine, which writes what it has to disk. */
    void close() {
        engine.close();
    }

    /** The schedule so far, one JSON line per step. */
    String trace() {
        return trace.toString();
    }

    /** Lets requests arrive for some steps, then runs until all are answered. */
    void run(int stepsWithArrivals) {
        for (int i = 0; i < stepsWithArrivals; i++) {
            if (open.size() < 30 && random.nextInt(3) == 0) {
                submit();
            }
            if (!openIds.isEmpty() && random.nextInt(40) == 0) {
                abort();
            }
            if (!openIds.isEmpty() && random.nextInt(30) == 0) {
                handOver();
            }
            step();
        }
        for (int patience = 100_000; engine.hasWork(); patience--) {
            step();
            check(patience > 0, "no end in sight; open: " + open.keySet());
        }
        check(open.isEmpty(), "unanswered: " + open.keySet());
        check(engine.stats().kvBlocksUsed() == 0, "blocks are held by nobody: " + engine.stats());
        check(
                engine.stats().running() == 0 && engine.stats().waiting() == 0,
                "sequences are left: " + engine.stats());
    }

    private void submit() {
        boolean many = random.nextInt(6) == 0;
        for (int i = many ? 6 : 1; i > 0; i--) {
            EngineRequest request = request();
            engine.submit(request);
            open.put(request.requestId(), request);
            openIds.add(request.requestId());
        }
    }

    private EngineRequest request() {
        int[] shared = sharedPrefixes[random.nextInt(sharedPrefixes.length)];
        int sharedLength =
                random.nextInt(5) == 0 ? random.nextInt(shared.length + 1) : shared.length;
        int room = config.maxModelLen() - 1 - sharedLength;
        int[] own = randomTokens(random.nextInt(Math.min(room, 20) + 1));
        int[] prompt = Arrays.copyOf(shared, sharedLength + own.length);
        System.arraycopy(own, 0, prompt, sharedLength, own.length);
        if (prompt.length == 0) {
            prompt = new int[] {5};
        }
        return new EngineRequest(
                nextId++, prompt, sampling(), random.nextInt(4) == 0 ? random.nextInt(3) - 1 : 0);
    }

    private SamplingParams sampling() {
        double temperature = random.nextBoolean() ? 0 : 1;
        double presence = random.nextInt(4) == 0 ? 0.5 : 0;
        List<String> stop =
                switch (random.nextInt(4)) {
                    case 0 -> List.of("abcd", "dda");
                    case 1 -> List.of("bb");
                    default -> List.of();
                };
        List<Integer> stopTokens = random.nextInt(3) == 0 ? List.of(7, 8) : List.of();
        int n = random.nextInt(5) == 0 ? 1 + random.nextInt(4) : 1;
        return new SamplingParams(
                1 + random.nextInt(60),
                temperature,
                1,
                0,
                0,
                1,
                presence,
                0,
                Map.of(),
                -1,
                stop,
                stopTokens,
                n,
                random.nextLong(),
                random.nextInt(3) == 0,
                true);
    }

    private void abort() {
        long id = openIds.get(random.nextInt(openIds.size()));
        check(engine.abort(id), "request " + id + " is open, but cannot be aborted");
        check(!engine.abort(id), "request " + id + " is aborted twice");
        open.remove(id);
        openIds.remove(id);
    }

    /** Stops a request and goes on with it as another engine would that is given what it has made. */
    private void handOver() {
        EngineRequest request = open.remove(openIds.remove(random.nextInt(openIds.size())));
        EngineResult partial = engine.cancel(request.requestId());
        List<int[]> generated = new ArrayList<>();
        for (int i = 0; i < request.sampling().n(); i++) {
            generated.add(new int[0]);
        }
        for (EngineResult.Choice choice : partial.choices()) {
            generated.set(choice.index(), choice.tokenIds());
            tokensHandedOver += choice.tokenIds().length;
        }
        EngineRequest next =
                new EngineRequest(
                        nextId++,
                        request.promptTokenIds(),
                        request.sampling(),
                        request.priority(),
                        request.deadlineMs());
        engine.resume(next, generated);
        open.put(next.requestId(), next);
        openIds.add(next.requestId());
    }

    /** Tokens that were not chosen anew because they were handed over. */
    long tokensHandedOver() {
        return tokensHandedOver;
    }

    private void step() {
        if (archive != null) {
            archive.runSome(random);
        }
        for (EngineResult result : engine.step()) {
            EngineRequest request = open.remove(result.requestId());
            check(
                    request != null,
                    "an answer to a request that is not open: " + result.requestId());
            openIds.remove(result.requestId());
            check(
                    result.error() == null && result.choices().size() == request.sampling().n(),
                    "choices of " + result);
            for (EngineResult.Choice choice : result.choices()) {
                SimulationOracle expected =
                        SimulationOracle.answer(request, choice.index(), config.maxModelLen());
                check(
                        expected.matches(
                                choice.tokenIds(),
                                choice.text(),
                                choice.finishReason(),
                                choice.stopReason()),
                        "request "
                                + request.requestId()
                                + " answers "
                                + choice
                                + ", not "
                                + expected);
            }
        }
        engine.checkConservation();
    }

    private int[] randomTokens(int length) {
        return random.ints(length, 1, SimulatedExecutor.VOCAB_SIZE).toArray();
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
