package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.KvTierStats;
import dev.millrace.engine.kvcache.BlockPool;

import java.util.function.LongSupplier;

/** Counts what the engine does and where its time goes. */
final class StepCounters {
    private final LongSupplier nanoTime;
    private long steps;
    private long promptTokens;
    private long cachedTokens;
    private long idealCachedTokens;
    private long generationTokens;
    private long forcedTokens;
    private long finishedRequests;
    private long stepNanos;
    private long deviceNanos;
    private long stepBegan;
    private long deviceBegan;

    StepCounters(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    long steps() {
        return steps;
    }

    void launched() {
        steps++;
    }

    void stepBegins() {
        stepBegan = nanoTime.getAsLong();
    }

    void stepEnds() {
        stepNanos += nanoTime.getAsLong() - stepBegan;
    }

    void deviceBegins() {
        deviceBegan = nanoTime.getAsLong();
    }

    void deviceEnds() {
        deviceNanos += nanoTime.getAsLong() - deviceBegan;
    }

    void admitted(int prompt, int cached, int idealCached) {
        promptTokens += prompt;
        cachedTokens += cached;
        idealCachedTokens += idealCached;
    }

    void generated() {
        generationTokens++;
    }

    /** A token that was generated without being chosen. */
    void forced() {
        generationTokens++;
        forcedTokens++;
    }

    void finished() {
        finishedRequests++;
    }

    EngineStats stats(
            Scheduler scheduler, DraftCounts drafts, DeviceTimes device, KvTierStats tiers) {
        BlockPool pool = scheduler.kv().pool();
        return new EngineStats(
                scheduler.numRunning(),
                scheduler.numWaiting(),
                pool.numReferenced(),
                pool.numBlocks(),
                steps,
                promptTokens,
                cachedTokens,
                idealCachedTokens,
                generationTokens,
                finishedRequests,
                scheduler.numPreemptions(),
                stepNanos - deviceNanos,
                deviceNanos,
                device,
                tiers,
                drafts,
                forcedTokens);
    }
}
