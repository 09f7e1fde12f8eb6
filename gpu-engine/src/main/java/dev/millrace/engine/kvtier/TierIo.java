package dev.millrace.engine.kvtier;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * Who reads and writes files for the engine's thread. How much may be queued is {@link
 * BlockArchive}'s to bound.
 *
 * @param reads runs reads, in any order
 * @param writes runs writes, one at a time
 * @param finish returns when all that was queued has run; nothing may be queued then
 * @param idleWaitMs how long an engine with nothing else to do waits for a read before it looks
 *     around again
 */
record TierIo(Executor reads, Executor writes, Runnable finish, long idleWaitMs) {
    private static final long IDLE_WAIT_MS = 20;

    /** A thread for reads and one for writes. */
    static TierIo threads() {
        ExecutorService reads = Executors.newSingleThreadExecutor(named("millrace-kv-read"));
        ExecutorService writes = Executors.newSingleThreadExecutor(named("millrace-kv-write"));
        return new TierIo(
                reads,
                writes,
                () -> {
                    finish(reads);
                    finish(writes);
                },
                IDLE_WAIT_MS);
    }

    private static ThreadFactory named(String name) {
        return Thread.ofPlatform().daemon().name(name).factory();
    }

    /**
     * The queue is short and each piece of work is one file; the memory that it works on is freed
     * after this, so there is no giving up before the end.
     */
    private static void finish(ExecutorService threads) {
        threads.shutdown();
        boolean interrupted = false;
        while (true) {
            try {
                if (threads.awaitTermination(1, TimeUnit.HOURS)) {
                    break;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
