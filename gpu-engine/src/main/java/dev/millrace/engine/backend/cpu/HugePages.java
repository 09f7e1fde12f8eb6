package dev.millrace.engine.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Zeroed native memory on huge pages, where Linux has some to give (madvise(2), MADV_HUGEPAGE): a
 * step walks through weights and KV cache of hundreds of megabytes, and with pages of 4 KiB much of
 * its time goes to address translation. Small requests are cut from slabs. A large one has all its
 * pages at once, so that want of memory shows when it is asked for, and no step waits for pages. All
 * of it lives until {@link #close}.
 */
// Foreign calls are the point of this class.
@SuppressWarnings("restricted")
final class HugePages implements SegmentAllocator, AutoCloseable {
    private static final long PAGE = 2L << 20;

    /** With a page more it is beyond glibc's highest threshold for mmap, so it comes untouched. */
    private static final long SLAB = 32L << 20;

    private static final int MADV_HUGEPAGE = 14;

    /** Since Linux 5.14. */
    private static final int MADV_POPULATE_WRITE = 23;

    private static final MethodHandle CALLOC =
            function(
                            "calloc",
                            FunctionDescriptor.of(
                                    ValueLayout.ADDRESS,
                                    ValueLayout.JAVA_LONG,
                                    ValueLayout.JAVA_LONG))
                    .orElseThrow();
    private static final MethodHandle FREE =
            function("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)).orElseThrow();

    /** Null where there is none: pages are then of the usual size. */
    private static final MethodHandle MADVISE =
            function(
                            "madvise",
                            FunctionDescriptor.of(
                                    ValueLayout.JAVA_INT,
                                    ValueLayout.ADDRESS,
                                    ValueLayout.JAVA_LONG,
                                    ValueLayout.JAVA_INT))
                    .orElse(null);

    private final Arena arena = Arena.ofShared();
    private MemorySegment slab = MemorySegment.NULL;
    private long used;

    /**
     * @throws OutOfMemoryError when the system refuses
     */
    @Override
    public synchronized MemorySegment allocate(long bytes, long alignment) {
        if (bytes > SLAB / 4) {
            MemorySegment own = map(bytes);
            advise(own, MADV_POPULATE_WRITE);
            return own;
        }
        long from = Math.ceilDiv(used, alignment) * alignment;
        if (from + bytes > slab.byteSize()) {
            slab = map(SLAB);
            from = 0;
        }
        used = from + bytes;
        return slab.asSlice(from, bytes);
    }

    /** A slab of its own, aligned to a huge page. */
    private MemorySegment map(long bytes) {
        try {
            var block = (MemorySegment) CALLOC.invokeExact(1L, bytes + PAGE);
            if (block.address() == 0) {
                throw new OutOfMemoryError("no " + bytes + " bytes of native memory");
            }
            MemorySegment whole = block.reinterpret(bytes + PAGE, arena, HugePages::free);
            long skipped = Math.ceilDiv(block.address(), PAGE) * PAGE - block.address();
            MemorySegment aligned = whole.asSlice(skipped, bytes);
            advise(aligned, MADV_HUGEPAGE);
            return aligned;
        } catch (Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("calloc failed", e);
        }
    }

    /** A refusal only means usual pages, or pages that come when they are written. */
    private static void advise(MemorySegment memory, int advice) {
        if (MADVISE == null) {
            return;
        }
        try {
            int _ = (int) MADVISE.invokeExact(memory, memory.byteSize(), advice);
        } catch (Throwable e) {
            throw new IllegalStateException("madvise failed", e);
        }
    }

    private static void free(MemorySegment block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable e) {
            throw new IllegalStateException("free failed", e);
        }
    }

    private static Optional<MethodHandle> function(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find(name)
                .map(address -> linker.downcallHandle(address, type));
    }

    @Override
    public void close() {
        arena.close();
    }
}
