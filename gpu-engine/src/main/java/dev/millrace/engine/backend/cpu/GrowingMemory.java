package dev.millrace.engine.backend.cpu;

/** Memory for one use at a time: grows to the most that was ever asked for, and then stays. */
final class GrowingMemory implements AutoCloseable {
    private HugePages memory;
    private long address;
    private long size;

    /** The address of at least so many bytes; what was there before is lost when it grows. */
    long atLeast(long bytes) {
        if (bytes > size) {
            close();
            memory = new HugePages();
            size = Math.max(bytes, 2 * size);
            address = memory.allocate(size, 64).address();
        }
        return address;
    }

    long address() {
        return address;
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
            memory = null;
        }
    }
}
