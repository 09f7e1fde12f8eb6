package dev.millrace.engine.backend.cuda;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Small arrays that travel to the device in one copy. They are packed side by side, 16-byte
 * aligned, into a pinned buffer; two such buffers take turns, so that the host can pack while the
 * copy before may still be waiting. Reused addresses are safe, because work that reads them is
 * queued before the copy that overwrites them.
 */
final class PackedUpload {
    private static final Logger LOG = LoggerFactory.getLogger(PackedUpload.class);
    private static final int ALIGNMENT = 16;
    private static final int STAGES = 2;

    private final CudaDriver driver;
    private final String what;
    private final MemorySegment[] staging = new MemorySegment[STAGES];
    private final long[] copied = new long[STAGES];
    private long capacity;
    private long device;
    private int stage;
    private long used;

    /**
     * @param what for the log
     */
    PackedUpload(CudaDriver driver, String what, long capacity) {
        this.driver = driver;
        this.what = what;
        for (int i = 0; i < STAGES; i++) {
            copied[i] = driver.createEvent();
        }
        take(capacity);
    }

    private void take(long bytes) {
        capacity = bytes;
        device = driver.allocate(bytes);
        for (int i = 0; i < STAGES; i++) {
            staging[i] = driver.allocateHost(bytes);
        }
    }

    /** Starts a new pack of at most so many bytes; waits until its pinned buffer is free. */
    void begin(long bytes) {
        stage = (stage + 1) % STAGES;
        driver.await(copied[stage]);
        used = 0;
        if (bytes > capacity) {
            LOG.info("{}: {} bytes for a step, more than the {} so far", what, bytes, capacity);
            driver.synchronize();
            driver.free(device);
            take(Math.max(bytes, 2 * capacity));
        }
    }

    /** Appends values, filled up to {@code length} entries; their address on the device. */
    long ints(int[] values, int count, int length, int filler) {
        long address = device + used;
        MemorySegment.copy(values, 0, staging[stage], ValueLayout.JAVA_INT, used, count);
        for (int i = count; i < length; i++) {
            staging[stage].set(ValueLayout.JAVA_INT, used + 4L * i, filler);
        }
        advance(4L * length);
        return address;
    }

    long ints(int[] values, int count) {
        return ints(values, count, count, 0);
    }

    /**
     * Appends rows of {@code stride} ints, of which as many are set as each row has, for {@code
     * rows} rows at least.
     */
    long table(int[][] values, int count, int stride, int rows) {
        long address = device + used;
        for (int i = 0; i < count; i++) {
            long at = used + 4L * i * stride;
            MemorySegment.copy(
                    values[i],
                    0,
                    staging[stage],
                    ValueLayout.JAVA_INT,
                    at,
                    Math.min(values[i].length, stride));
        }
        advance(4L * Math.max(rows, count) * stride);
        return address;
    }

    long floats(float[] values, int count) {
        long address = device + used;
        MemorySegment.copy(values, 0, staging[stage], ValueLayout.JAVA_FLOAT, used, count);
        advance(4L * count);
        return address;
    }

    long doubles(double[] values, int count) {
        long address = device + used;
        MemorySegment.copy(values, 0, staging[stage], ValueLayout.JAVA_DOUBLE, used, count);
        advance(8L * count);
        return address;
    }

    /** Queues the copy. */
    void end() {
        if (used > capacity) {
            throw new IllegalStateException(
                    what + ": packed " + used + " bytes, announced at most " + capacity);
        }
        driver.copyToDevice(device, staging[stage].asSlice(0, used));
        driver.record(copied[stage]);
    }

    private void advance(long bytes) {
        used = Math.ceilDiv(used + bytes, ALIGNMENT) * ALIGNMENT;
    }
}
