package dev.millrace.engine.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Memory of the emulated device. Reads copy it to the host. */
record DeviceArray(EmulatedCuda cuda, long address, long bytes) {

    void write(MemorySegment from) {
        cuda.copy(address, from.address(), from.byteSize());
    }

    private MemorySegment read(Arena arena) {
        MemorySegment to = arena.allocate(bytes, 8);
        cuda.copy(to.address(), address, bytes);
        return to;
    }

    float[] floats() {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena).toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    double[] doubles() {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena).toArray(ValueLayout.JAVA_DOUBLE);
        }
    }

    int[] ints() {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena).toArray(ValueLayout.JAVA_INT);
        }
    }

    short[] shorts() {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena).toArray(ValueLayout.JAVA_SHORT);
        }
    }

    byte[] raw() {
        try (Arena arena = Arena.ofConfined()) {
            return read(arena).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** The values of BF16 patterns. */
    float[] bf16() {
        short[] bits = shorts();
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Numbers.ofBf16(bits[i]);
        }
        return values;
    }

    /** The values of E4M3 patterns. */
    float[] e4m3() {
        byte[] bits = raw();
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Numbers.ofE4m3(bits[i]);
        }
        return values;
    }
}
