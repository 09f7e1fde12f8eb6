package dev.millrace.engine.backend.cuda;

/**
 * Arguments of a kernel in the order of its parameters. Filled again for each launch; one thread
 * uses it.
 */
final class KernelArgs {
    /** Most parameters that a kernel of ours has, and some. */
    static final int MAX = 32;

    private final long[] bits = new long[MAX];
    private int count;

    /** Forgets all arguments. */
    KernelArgs begin() {
        count = 0;
        return this;
    }

    /** Appends a device address; 0 is null. */
    KernelArgs pointer(long address) {
        bits[count++] = address;
        return this;
    }

    KernelArgs i32(int value) {
        bits[count++] = value & 0xffffffffL;
        return this;
    }

    KernelArgs i64(long value) {
        bits[count++] = value;
        return this;
    }

    KernelArgs f32(float value) {
        bits[count++] = Float.floatToRawIntBits(value) & 0xffffffffL;
        return this;
    }

    int count() {
        return count;
    }

    /** Argument i in the low bytes, little-endian. */
    long bits(int i) {
        return bits[i];
    }
}
