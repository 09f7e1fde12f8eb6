package dev.millrace.ops.gateway;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Cuts off clients that stall. A read or write that takes too long is interrupted, which closes the
 * connection; a reader that keeps dripping is cut off when its average falls below a kilobyte a
 * second.
 */
final class StallGuard implements AutoCloseable {
    private static final long BYTES_PER_SECOND_MIN = 1024;

    private final long timeoutNanos;
    private final ScheduledThreadPoolExecutor alarms;

    StallGuard(Duration timeout) {
        this.timeoutNanos = timeout.toNanos();
        this.alarms =
                new ScheduledThreadPoolExecutor(
                        1, Thread.ofPlatform().daemon().name("gateway-stalls").factory());
        alarms.setRemoveOnCancelPolicy(true);
    }

    /** The client has sent or taken nothing for too long; its connection is closed. */
    static final class StalledException extends IOException {
        private static final long serialVersionUID = 1L;

        StalledException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private interface Transfer {
        int run() throws IOException;
    }

    /** Interrupts the thread that it was made in, unless the transfer has ended before. */
    private static final class Alarm implements Runnable {
        private final Thread thread = Thread.currentThread();
        private boolean over;

        @Override
        public synchronized void run() {
            if (!over) {
                thread.interrupt();
            }
        }

        synchronized void over() {
            over = true;
        }
    }

    private int within(Transfer transfer) throws IOException {
        Alarm alarm = new Alarm();
        var scheduled = alarms.schedule(alarm, timeoutNanos, TimeUnit.NANOSECONDS);
        try {
            return transfer.run();
        } catch (ClosedByInterruptException e) {
            // The alarm's interrupt has done its work; the thread goes on to clean up.
            Thread.interrupted();
            throw new StalledException("the client stalled", e);
        } finally {
            alarm.over();
            scheduled.cancel(false);
        }
    }

    InputStream guard(InputStream in) {
        long start = System.nanoTime();
        return new FilterInputStream(in) {
            private long bytes;

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                int count = within(() -> in.read(target, offset, length));
                bytes += Math.max(0, count);
                long late = System.nanoTime() - start - timeoutNanos;
                if (count >= 0
                        && bytes < TimeUnit.NANOSECONDS.toSeconds(late) * BYTES_PER_SECOND_MIN) {
                    throw new StalledException("the client sends too slowly", null);
                }
                return count;
            }
        };
    }

    OutputStream guard(OutputStream out) {
        return new FilterOutputStream(out) {
            @Override
            public void write(byte[] source, int offset, int length) throws IOException {
                within(
                        () -> {
                            out.write(source, offset, length);
                            return length;
                        });
            }
        };
    }

    @Override
    public void close() {
        alarms.shutdownNow();
    }
}
