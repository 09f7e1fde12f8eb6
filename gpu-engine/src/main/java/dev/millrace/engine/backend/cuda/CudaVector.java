package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Vector;

/** F32 values in device memory. */
record CudaVector(long address, int length) implements Vector {}
