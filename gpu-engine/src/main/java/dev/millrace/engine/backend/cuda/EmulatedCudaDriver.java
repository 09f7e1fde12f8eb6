package dev.millrace.engine.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * A CUDA device that is not there: the kernels' own sources run on the host, thread by thread, with
 * every access checked. Queued work runs as late as it may, when someone waits for it: a host that
 * changes a buffer under a copy, or reads a result before it is there, gets wrong answers here at
 * once rather than sometimes on a real device.
 *
 * <p>Memory limits are those of the properties, so that too large a plan fails here as it would
 * there.
 */
public final class EmulatedCudaDriver implements CudaDriver {
    /** The emulation is one machine per process. */
    private static final ReentrantLock MACHINE = new ReentrantLock();

    private static final DeviceProperties PROPERTIES =
            new DeviceProperties("emulated on the host", 9, 0, 4, 4L << 30, 1 << 20, 13_000);

    private final Arena arena = Arena.ofShared();
    private final EmulationLibrary library;
    private final Map<Long, Long> allocations = new HashMap<>();
    private final Deque<Runnable> stream = new ArrayDeque<>();
    private final List<List<Runnable>> graphs = new ArrayList<>();
    private final List<Event> events = new ArrayList<>();
    private List<Runnable> capture;
    private long allocatedBytes;

    /** Whether an event is still ahead in the stream, and when it last happened. */
    private static final class Event {
        private int ahead;
        private long nanos;
    }

    /**
     * @throws DeviceUnavailableException if the kernels cannot be built as host code
     */
    public EmulatedCudaDriver() {
        library = new EmulationLibrary(EmulationBuild.library(), arena);
    }

    @Override
    public DeviceProperties properties() {
        return PROPERTIES;
    }

    @Override
    public long freeBytes() {
        return PROPERTIES.totalBytes() - allocatedBytes;
    }

    @Override
    public long allocate(long bytes) {
        long address = bytes > freeBytes() ? 0 : locked(() -> library.alloc(bytes));
        if (address == 0) {
            throw new CudaException(
                    "cuMemAlloc: %,d bytes wanted, %,d free".formatted(bytes, freeBytes()));
        }
        allocations.put(address, bytes);
        allocatedBytes += bytes;
        return address;
    }

    @Override
    public void free(long address) {
        synchronize();
        allocatedBytes -= allocations.remove(address);
        locked(
                () -> {
                    library.free(address);
                    return 0L;
                });
    }

    @Override
    public MemorySegment allocateHost(long bytes) {
        return arena.allocate(bytes, 64);
    }

    @Override
    public void copyToDevice(long to, MemorySegment from) {
        queue(() -> library.memcpy(to, live(from), from.byteSize()));
    }

    @Override
    public void copyToHost(MemorySegment to, long from) {
        queue(() -> library.memcpy(live(to), from, to.byteSize()));
    }

    /** The address of host memory that a copy reaches only now: it must still be there. */
    private static long live(MemorySegment host) {
        if (!host.scope().isAlive()) {
            throw new CudaException("a queued copy's host memory was freed before the copy ran");
        }
        return host.address();
    }

    @Override
    public void copy(long to, long from, long bytes) {
        queue(() -> library.memcpy(to, from, bytes));
    }

    @Override
    public void fill(long to, int value, long bytes) {
        queue(() -> library.memset(to, value, bytes));
    }

    @Override
    public void launch(String kernel, LaunchPlan plan, KernelArgs args) {
        int count = args.count();
        long[] bits = new long[count];
        int[] bytes = new int[count];
        for (int i = 0; i < count; i++) {
            bits[i] = args.bits(i);
            bytes[i] = args.bytes(i);
        }
        queue(() -> library.launch(kernel, plan, bits, bytes));
    }

    /** Queues the product that stands for cuBLASLt's. */
    void multiply(Gemm gemm) {
        queue(() -> library.gemm(gemm));
    }

    @Override
    public long createEvent() {
        events.add(new Event());
        return events.size() - 1;
    }

    @Override
    public void record(long event) {
        Event recorded = events.get((int) event);
        recorded.ahead++;
        queue(
                () -> {
                    recorded.ahead--;
                    recorded.nanos = System.nanoTime();
                });
    }

    @Override
    public void await(long event) {
        runWhile(() -> events.get((int) event).ahead > 0);
    }

    @Override
    public float elapsedMs(long first, long second) {
        return (events.get((int) second).nanos - events.get((int) first).nanos) / 1e6f;
    }

    @Override
    public void synchronize() {
        runWhile(() -> true);
    }

    private void runWhile(BooleanSupplier wanted) {
        locked(
                () -> {
                    while (wanted.getAsBoolean() && !stream.isEmpty()) {
                        stream.remove().run();
                    }
                    return 0L;
                });
    }

    @Override
    public void beginCapture() {
        if (capture != null) {
            throw new CudaException("cuStreamBeginCapture: the stream is captured already");
        }
        capture = new ArrayList<>();
    }

    @Override
    public long endCapture() {
        graphs.add(capture);
        capture = null;
        return graphs.size() - 1;
    }

    @Override
    public void launchGraph(long graph) {
        stream.addAll(graphs.get((int) graph));
    }

    private void queue(Runnable work) {
        if (capture != null) {
            capture.add(work);
        } else {
            stream.add(work);
        }
    }

    private static long locked(LongSupplier work) {
        MACHINE.lock();
        try {
            return work.getAsLong();
        } finally {
            MACHINE.unlock();
        }
    }

    /** Drops what nobody waits for, as the end of a process does. */
    @Override
    public void close() {
        stream.clear();
        for (long address : allocations.keySet()) {
            locked(
                    () -> {
                        library.free(address);
                        return 0L;
                    });
        }
        allocations.clear();
        arena.close();
    }
}
