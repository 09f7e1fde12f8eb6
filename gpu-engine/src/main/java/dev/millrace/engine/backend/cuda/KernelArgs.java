package dev.millrace.engine.backend.cuda;

/**
 * Arguments of a kernel in the order of its parameters. Filled again for each launch; one thread
 * uses it.
 */
final class KernelArgs {
    /** Most parameters that a kernel of ours has, and some. */
    static final int MAX = 32;

    private final long[] bits = new long[MAX];
    private final int[] bytes = new int[MAX];
    private int count;

    /** Forgets all arguments. */
    KernelArgs begin() {
        count = 0;
        return this;
    }

    /** Appends a device address; 0 is null. */
    KernelArgs pointer(long address) {
        return add(address, Long.BYTES);
    }

    KernelArgs i32(int value) {
        return add(value & 0xffffffffL, Integer.BYTES);
    }

    KernelArgs i64(long value) {
        return add(value, Long.BYTES);
    }

    KernelArgs f32(float value) {
        return add(Float.floatToRawIntBits(value) & 0xffffffffL, Float.BYTES);
    }

    private KernelArgs add(long value, int size) {
        bits[count] = value;
        bytes[count++] = size;
        return this;
    }

    int count() {
        return count;
    }

    /** Size of argument i. */
    int bytes(int i) {
        return bytes[i];
    }

    /** Argument i in the low bytes, little-endian. */
    long bits(int i) {
        return bits[i];
    }
}
