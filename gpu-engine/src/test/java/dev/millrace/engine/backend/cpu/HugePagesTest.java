package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

class HugePagesTest {
    private static final long MIB = 1L << 20;

    @Test
    void segmentsAreZeroedAlignedAndApart() {
        try (HugePages memory = new HugePages()) {
            List<MemorySegment> segments = new ArrayList<>();
            for (long bytes : new long[] {1, 63, 64, 4097, 7 * MIB, 8 * MIB, 8 * MIB + 1, 40 * MIB}) {
                for (int i = 0; i < 4; i++) {
                    MemorySegment segment = memory.allocate(bytes, 64);
                    assertEquals(bytes, segment.byteSize());
                    assertEquals(0, segment.address() % 64);
                    assertEquals(0, segment.get(ValueLayout.JAVA_BYTE, 0));
                    assertEquals(0, segment.get(ValueLayout.JAVA_BYTE, bytes - 1));
                    segment.fill((byte) (segments.size() + 1));
                    segments.add(segment);
                }
            }
            for (int i = 0; i < segments.size(); i++) {
                MemorySegment segment = segments.get(i);
                assertEquals(i + 1, segment.get(ValueLayout.JAVA_BYTE, 0));
                assertEquals(i + 1, segment.get(ValueLayout.JAVA_BYTE, segment.byteSize() - 1));
            }
        }
    }

    @Test
    void closedMemoryIsGone() {
        HugePages memory = new HugePages();
        MemorySegment segment = memory.allocate(16 * MIB, 64);
        memory.close();
        assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void moreThanThereIsIsAnError() {
        try (HugePages memory = new HugePages()) {
            assertThrows(OutOfMemoryError.class, () -> memory.allocate(1L << 60, 64));
        }
    }
}
