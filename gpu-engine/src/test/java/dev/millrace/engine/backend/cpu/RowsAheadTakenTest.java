package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightTensor.DType;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** That a linear takes the rows which the op before has converted for it shows in nothing else. */
class RowsAheadTakenTest {
    private static final int ROWS = 4;
    private static final int IN = 64;
    private static final int OUT = 32;

    @Test
    void theNextLinearReadsWhatWasConvertedAndTheOneAfterItTheBuffer() {
        try (CpuBackend cpu = new CpuBackend(1, new Numerics(WeightFormat.INT8, false))) {
            MemorySegment weights = MemorySegment.ofArray(OneLinear.ones(OUT * IN));
            Linear linear =
                    cpu.linear(List.of(OneLinear.tensor(DType.F32, OUT, weights)), null);
            CpuBuffer gateUp = (CpuBuffer) cpu.allocate(ROWS, 2 * IN);
            CpuBuffer mid = (CpuBuffer) cpu.allocate(ROWS, IN);
            CpuBuffer out = (CpuBuffer) cpu.allocate(ROWS, OUT);
            fill(gateUp, 1f);
            cpu.siluMul(gateUp, linear, mid, ROWS);
            // Behind the device's back: no op says that the rows are others now.
            fill(mid, 0f);
            cpu.linear(linear, mid, out, ROWS);
            assertNotEquals(0f, Native.getFloat(out.row(ROWS - 1)));
            cpu.linear(linear, mid, out, ROWS);
            assertEquals(0f, Native.getFloat(out.row(ROWS - 1)));
        }
    }

    private static void fill(CpuBuffer buffer, float value) {
        for (int i = 0; i < buffer.rows() * buffer.cols(); i++) {
            Native.setFloat(buffer.row(0) + 4L * i, value);
        }
    }
}
