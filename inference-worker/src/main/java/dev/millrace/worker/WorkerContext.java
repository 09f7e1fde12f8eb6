package dev.millrace.worker;

import java.time.InstantSource;

/** What all parts of one worker share. */
record WorkerContext(WorkerConfig config, WorkerLimits limits, InstantSource clock, WorkerMetrics metrics) {}
