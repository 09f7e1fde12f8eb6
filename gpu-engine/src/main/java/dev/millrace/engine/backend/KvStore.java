package dev.millrace.engine.backend;

import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.MemorySegment;

/**
 * The KV cache's memory on a device. A block's image is the bytes of all its layers in the device's
 * own arrangement; what else keeps images need not know it.
 *
 * <p>Copies of images run in the order of the device's other work: an export queued before a step
 * sees the block as it was before that step, an import queued before a step is seen by it.
 */
public interface KvStore {
    KvLayout layout();

    /** Bytes of a block's image. */
    long imageBytes();

    /**
     * Names the arrangement and number format of images in a few words. Stores of equal name and
     * equal layout, but for the number of blocks, read each other's images.
     */
    String imageFormat();

    /** Takes host memory for images, pinned where the device has such; freed with the device. */
    MemorySegment hostMemory(long bytes);

    /**
     * Queues a copy of a block into {@code image}.
     *
     * @param image in {@link #hostMemory}, {@link #imageBytes} long; readable after {@link #settle}
     */
    void exportBlock(int block, MemorySegment image);

    /**
     * Queues a copy of {@code image} into a block.
     *
     * @param image as in {@link #exportBlock}; unchanged by the host until {@link #settle}
     */
    void importBlock(int block, MemorySegment image);

    /** Waits for all copies that were queued. */
    void settle();
}
