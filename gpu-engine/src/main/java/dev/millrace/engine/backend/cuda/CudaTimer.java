package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Buffer;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Times work on a device by the device's own clock. */
public final class CudaTimer {
    private static final int WARM_UPS = 2;

    private final CudaDriver driver;
    private final long start;
    private final long end;

    public CudaTimer(CudaBackend backend) {
        driver = backend.driver();
        start = driver.createEvent();
        end = driver.createEvent();
    }

    /**
     * Times queued work.
     *
     * @return median milliseconds of {@code repeats} runs, after two that do not count
     */
    public double medianMs(int repeats, Runnable work) {
        double[] times = new double[repeats];
        for (int i = -WARM_UPS; i < repeats; i++) {
            driver.record(start);
            work.run();
            driver.record(end);
            driver.await(end);
            if (i >= 0) {
                times[i] = driver.elapsedMs(start, end);
            }
        }
        Arrays.sort(times);
        return times[repeats / 2];
    }

    /** Queues a copy of a whole buffer into another of its shape. */
    public void copy(Buffer from, Buffer to) {
        CudaBuffer source = (CudaBuffer) from;
        long bytes = CudaBuffer.bytes(source.rows(), source.cols(), source.isF32());
        driver.copy(((CudaBuffer) to).address(), source.address(), bytes);
    }

    /** Fills a buffer with host data of its element type, and waits. */
    public void upload(MemorySegment data, Buffer to) {
        driver.copyToDevice(((CudaBuffer) to).address(), data);
        driver.synchronize();
    }
}
