package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.api.DeviceTimes;

/** Adds up where the time of a device's ops goes. Written by the thread that calls the ops. */
final class OpTimes {
    /** Kinds of ops that are told apart. */
    enum Kind {
        GEMM,
        ATTENTION,
        ROWS
    }

    private final long[] nanos = new long[Kind.values().length];

    /** An op of this kind has ended; it began at {@code began} on {@link System#nanoTime}. */
    void add(Kind kind, long began) {
        nanos[kind.ordinal()] += System.nanoTime() - began;
    }

    DeviceTimes sums() {
        return new DeviceTimes(
                nanos[Kind.GEMM.ordinal()],
                nanos[Kind.ATTENTION.ordinal()],
                nanos[Kind.ROWS.ordinal()]);
    }
}
