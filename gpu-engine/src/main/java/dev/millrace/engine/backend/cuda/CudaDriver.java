package dev.millrace.engine.backend.cuda;

import java.lang.foreign.MemorySegment;

/**
 * The few driver operations that the engine needs, on one device and one stream. Work is queued and
 * runs in order; only {@link #await} and {@link #synchronize} wait. One thread calls everything.
 * Device memory is a plain address.
 *
 * <p>Every call is checked: a failure is a {@link CudaException} that names the call.
 */
public interface CudaDriver extends AutoCloseable {

    DeviceProperties properties();

    /** Device memory that can still be allocated. */
    long freeBytes();

    /**
     * Takes device memory, aligned to 256 bytes. Its content is undefined.
     *
     * @throws CudaException if there is not enough; the message says how much there is
     */
    long allocate(long bytes);

    void free(long address);

    /**
     * Takes host memory that the device can copy from and to while the host goes on; freed by
     * {@link #close}.
     */
    MemorySegment allocateHost(long bytes);

    /** Queues a copy of all of {@code from}, which must stay unchanged until the copy has run. */
    void copyToDevice(long to, MemorySegment from);

    /** Queues a copy into all of {@code to}. */
    void copyToHost(MemorySegment to, long from);

    /** Queues a copy within the device. */
    void copy(long to, long from, long bytes);

    /** Queues setting bytes to a value. */
    void fill(long to, int value, long bytes);

    /** Queues a kernel. The arguments are read before this returns. */
    void launch(String kernel, LaunchPlan plan, KernelArgs args);

    /** Makes an event. */
    long createEvent();

    /** Queues the event: it happens when all work queued before is done. */
    void record(long event);

    /** Waits until the event has happened; at once if it was never recorded. */
    void await(long event);

    /** Milliseconds between two events that have happened. */
    float elapsedMs(long first, long second);

    /** Waits for all queued work. */
    void synchronize();

    /** From here on work is written down instead of queued. */
    void beginCapture();

    /**
     * Ends {@link #beginCapture}. Returns what was written down, as something that can be queued
     * again and again.
     */
    long endCapture();

    /**
     * Queues a captured piece of work. Its kernels read the memory as it then is, with the
     * arguments of their capture.
     */
    void launchGraph(long graph);

    /** Frees all memory that was taken, modules and handles. */
    @Override
    void close();
}
