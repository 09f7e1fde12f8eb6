package dev.millrace.engine.backend.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed set of threads that share the parts of one op: the caller and {@code threads - 1}
 * helpers. Each thread takes the next part until none is left, so that a thread which the system
 * holds up takes fewer. Helpers spin for a short time between ops and then park, so that an idle
 * engine costs nothing.
 *
 * <p>The state is one word, so that a helper that wakes late can never take a part of an op that it
 * has not seen: {@code generation (24 bits) | parts (20 bits) | next part (20 bits)}.
 */
final class WorkerPool implements AutoCloseable {
    /** One part of an op, run by one thread. */
    @FunctionalInterface
    interface Part {
        /**
         * @param worker which thread runs it, 0 is the caller: the index of its scratch memory
         * @param index the part, from 0
         */
        void run(int worker, int index);
    }

    static final int MAX_PARTS = (1 << 20) - 1;

    /**
     * About 0.1 ms: longer than the gap between ops of a step, shorter than what the host does
     * between steps.
     */
    private static final int SPINS_BEFORE_PARK = 5_000;

    private static final int SPINS_BEFORE_YIELD = 2_000;

    private final AtomicLong state = new AtomicLong();
    private final AtomicInteger finished = new AtomicInteger();
    private final Thread[] helpers;
    private final ParkedFlag[] parked;
    private volatile boolean closed;
    private volatile Throwable failure;
    private Part part;
    private long generation;

    /** Set while a helper is parked or about to be. */
    private static final class ParkedFlag {
        private volatile boolean set;
    }

    WorkerPool(int threads, Runnable onThreadStart) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1: " + threads);
        }
        helpers = new Thread[threads - 1];
        parked = new ParkedFlag[threads - 1];
        for (int i = 0; i < helpers.length; i++) {
            int helper = i;
            parked[i] = new ParkedFlag();
            helpers[i] =
                    Thread.ofPlatform()
                            .daemon()
                            .name("cpu-backend-" + (i + 1))
                            .unstarted(
                                    () -> {
                                        onThreadStart.run();
                                        help(helper);
                                    });
            helpers[i].start();
        }
    }

    int threads() {
        return helpers.length + 1;
    }

    /** How many helpers wait in the kernel at this moment. */
    int parkedHelpers() {
        int count = 0;
        for (ParkedFlag flag : parked) {
            count += flag.set ? 1 : 0;
        }
        return count;
    }

    /** Runs all parts and returns when the last has ended. One caller at a time. */
    void run(int parts, Part work) {
        if (parts > MAX_PARTS) {
            throw new IllegalArgumentException(
                    "an op of " + parts + " parts; at most " + MAX_PARTS);
        }
        if (parts <= 1 || helpers.length == 0) {
            for (int i = 0; i < parts; i++) {
                work.run(0, i);
            }
            return;
        }
        part = work;
        finished.setPlain(0);
        generation = generation + 1 & 0xffffff;
        state.set(generation << 40 | (long) parts << 20);
        wake(Math.min(parts - 1, helpers.length));
        takeParts(0);
        for (int spins = 0; finished.get() < parts; spins++) {
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                // A helper lost its core in the middle of a part: give it ours.
                Thread.yield();
            }
        }
        part = null;
        if (failure != null) {
            Throwable thrown = failure;
            failure = null;
            throw new IllegalStateException("a part of a cpu op failed: " + thrown, thrown);
        }
    }

    private void wake(int count) {
        for (int i = 0; i < count; i++) {
            if (parked[i].set) {
                LockSupport.unpark(helpers[i]);
            }
        }
    }

    private boolean takeParts(int worker) {
        boolean any = false;
        while (true) {
            long seen = state.get();
            int next = (int) (seen & MAX_PARTS);
            int parts = (int) (seen >>> 20 & MAX_PARTS);
            if (next >= parts) {
                return any;
            }
            if (state.compareAndSet(seen, seen + 1)) {
                any = true;
                runPart(worker, next);
            }
        }
    }

    /**
     * The part counts as finished even when it throws: the caller must not wait for ever, and
     * throws instead.
     */
    private void runPart(int worker, int index) {
        try {
            part.run(worker, index);
        } catch (RuntimeException | Error e) {
            failure = e;
        } finally {
            finished.incrementAndGet();
        }
    }

    private void help(int helper) {
        int idle = 0;
        while (!closed) {
            if (takeParts(helper + 1)) {
                idle = 0;
            } else if (idle++ < SPINS_BEFORE_PARK) {
                Thread.onSpinWait();
            } else {
                park(helper);
                idle = 0;
            }
        }
    }

    /**
     * The flag is set before the last look at the state, and the caller changes the state before it
     * reads the flag.
     */
    private void park(int helper) {
        parked[helper].set = true;
        long seen = state.get();
        while (!closed && (seen & MAX_PARTS) >= (seen >>> 20 & MAX_PARTS)) {
            LockSupport.park(this);
            seen = state.get();
        }
        parked[helper].set = false;
    }

    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        for (Thread helper : helpers) {
            LockSupport.unpark(helper);
            try {
                helper.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
