package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor.DType;

import java.lang.foreign.MemorySegment;

/** Copies device memory to the host and waits; for tests and checks. */
final class DeviceReader {
    private DeviceReader() {}

    static void row(CudaDriver driver, CudaBuffer buffer, int row, float[] out) {
        DType type = buffer.isF32() ? DType.F32 : DType.BF16;
        MemorySegment host = driver.allocateHost((long) buffer.cols() * type.bytes());
        driver.copyToHost(host, buffer.address() + (long) row * buffer.cols() * type.bytes());
        driver.synchronize();
        WeightReader.readElements(host, type, 0, buffer.cols(), out);
    }
}
