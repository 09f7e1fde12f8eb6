package dev.millrace.engine.kvtier;

/** A block in host memory. Owned by the engine's thread, but for its image. */
final class ArchivedBlock {
    final BlockContent content;

    /** Where its image is. */
    final int slot;

    /** Whether another sequence has found it since it was computed. */
    boolean reused;

    /** Whether it has come from disk and was not used since. */
    boolean fromDisk;

    ArchivedBlock(BlockContent content, int slot, boolean reused, boolean fromDisk) {
        this.content = content;
        this.slot = slot;
        this.reused = reused;
        this.fromDisk = fromDisk;
    }

    BlockKey key() {
        return content.key();
    }
}
