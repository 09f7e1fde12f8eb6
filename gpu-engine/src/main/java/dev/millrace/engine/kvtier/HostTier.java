package dev.millrace.engine.kvtier;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;

/**
 * Block images in one piece of host memory, cut into slots of equal size. A slot is free, holds a
 * block that is found here and leaves when it is the longest unused, or is lent to whoever took it.
 *
 * <pre>
 * slot 0           slot 1           …  slot n - 1
 * [ image ][ pad ] [ image ][ pad ]
 * </pre>
 */
final class HostTier {
    /** Images begin at cache lines. */
    private static final long ALIGNMENT = 64;

    private final MemorySegment memory;
    private final long imageBytes;
    private final long stride;
    private final int numSlots;
    private final Deque<Integer> free = new ArrayDeque<>();

    /** Longest unused first. */
    private final LinkedHashMap<BlockKey, ArchivedBlock> blocks = new LinkedHashMap<>(16, 0.75f, true);

    HostTier(MemorySegment memory, long imageBytes) {
        this.memory = memory;
        this.imageBytes = imageBytes;
        stride = stride(imageBytes);
        numSlots = (int) (memory.byteSize() / stride);
        for (int slot = 0; slot < numSlots; slot++) {
            free.add(slot);
        }
    }

    /** Bytes that a slot takes. */
    static long stride(long imageBytes) {
        return Math.ceilDiv(imageBytes, ALIGNMENT) * ALIGNMENT;
    }

    int numSlots() {
        return numSlots;
    }

    int numFree() {
        return free.size();
    }

    int numBlocks() {
        return blocks.size();
    }

    boolean has(BlockKey key) {
        return blocks.containsKey(key);
    }

    /** Finds a block and makes it the youngest; null if it is not here. */
    ArchivedBlock get(BlockKey key) {
        return blocks.get(key);
    }

    /** Takes a block out; its slot stays lent. */
    ArchivedBlock remove(BlockKey key) {
        return blocks.remove(key);
    }

    /** Takes the longest unused block out; null if there is none. */
    ArchivedBlock removeOldest() {
        return blocks.isEmpty() ? null : blocks.pollFirstEntry().getValue();
    }

    /** Puts a block in as the youngest; one of equal key must not be here. */
    void put(ArchivedBlock block) {
        if (blocks.putIfAbsent(block.key(), block) != null) {
            throw new IllegalStateException("block " + block.key().hex() + " is here already");
        }
    }

    /** All blocks, longest unused first. */
    Collection<ArchivedBlock> blocks() {
        return blocks.values();
    }

    /** Lends a free slot; -1 if there is none. */
    int takeFree() {
        return free.isEmpty() ? -1 : free.remove();
    }

    void giveBack(int slot) {
        free.add(slot);
    }

    MemorySegment image(int slot) {
        return memory.asSlice(slot * stride, imageBytes);
    }
}
