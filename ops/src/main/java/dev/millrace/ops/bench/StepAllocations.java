package dev.millrace.ops.bench;

import com.sun.management.ThreadMXBean;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.function.LongSupplier;

/** How much of the Java heap each step of a run allocated, by all threads. */
final class StepAllocations {
    private final LongSupplier allocated;
    private long[] bytes = new long[1024];
    private int steps;
    private long before;

    /** Of this process. */
    StepAllocations() {
        this(((ThreadMXBean) ManagementFactory.getThreadMXBean())::getTotalThreadAllocatedBytes);
    }

    /**
     * @param allocated bytes that all threads have allocated since they began
     */
    StepAllocations(LongSupplier allocated) {
        this.allocated = allocated;
    }

    /** A step begins. */
    void begin() {
        if (steps == bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * steps);
        }
        before = allocated.getAsLong();
    }

    /** It has ended. */
    void end() {
        bytes[steps++] = allocated.getAsLong() - before;
    }

    /** Bytes of the mean step: those that begin and end requests are among them. */
    long mean() {
        return steps == 0 ? 0 : Arrays.stream(bytes, 0, steps).sum() / steps;
    }

    /** Half of the steps allocated no more bytes: those that only go on with what they have. */
    long median() {
        long[] sorted = Arrays.copyOf(bytes, steps);
        Arrays.sort(sorted);
        return steps == 0 ? 0 : sorted[(steps - 1) / 2];
    }
}
