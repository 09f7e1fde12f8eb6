package dev.millrace.ops.demo;

import java.lang.management.ManagementFactory;
import java.time.Duration;

/**
 * What this process has spent until now. On a machine that others use too, the processor time says
 * what the start itself costs.
 *
 * @param seconds since the process began
 * @param processorSeconds of all its threads; 0 where the system does not tell
 */
public record Startup(double seconds, double processorSeconds) {
    /** Before anything was measured. */
    public static final Startup NONE = new Startup(0, 0);

    public static Startup untilNow() {
        Duration used = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
        return new Startup(
                ManagementFactory.getRuntimeMXBean().getUptime() / 1000.0, used.toMillis() / 1000.0);
    }
}
