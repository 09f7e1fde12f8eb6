package dev.millrace.engine.kvtier;

import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.backend.KvStore;

/**
 * Where host slots come from: free ones first, then those of blocks that go to disk or away. Owned
 * by the engine's thread.
 */
final class SlotSupply {
    private final KvStore store;
    private final HostTier host;

    /** Null where there is no disk. */
    private final DiskTier disk;

    private final KvTiers.DiskKeeps diskKeeps;

    /** Whether copies were queued since the device last settled. */
    private boolean unsettled;

    SlotSupply(KvStore store, HostTier host, DiskTier disk, KvTiers.DiskKeeps diskKeeps) {
        this.store = store;
        this.host = host;
        this.disk = disk;
        this.diskKeeps = diskKeeps;
    }

    /** The device was told to read or write slots. */
    void copyQueued() {
        unsettled = true;
    }

    /** Lends a slot, sending blocks to disk or away; -1 if all are lent or held. */
    int take() {
        reclaim();
        int slot = host.takeFree();
        while (slot < 0) {
            ArchivedBlock oldest = host.removeOldest();
            if (oldest == null) {
                return -1;
            }
            if (!isWorthDisk(oldest.reused, oldest.key()) || !startWrite(oldest)) {
                slot = oldest.slot;
            }
        }
        return slot;
    }

    private boolean startWrite(ArchivedBlock block) {
        settle();
        return disk.startWrite(block, host.image(block.slot));
    }

    /** Whether a block should go to disk and is not there; one that is there becomes the youngest. */
    boolean isWorthDisk(boolean reused, BlockKey key) {
        return disk != null
                && (reused || diskKeeps == KvTiers.DiskKeeps.ALL)
                && !disk.folder().touch(key);
    }

    /** Takes the slots back whose images are written. */
    void reclaim() {
        if (disk != null) {
            for (int slot = disk.writtenSlot(); slot >= 0; slot = disk.writtenSlot()) {
                host.giveBack(slot);
            }
        }
    }

    /** Before others read or write a slot, the device must be done with it. */
    void settle() {
        if (unsettled) {
            store.settle();
            unsettled = false;
        }
    }

    /** Lends a slot when nothing is under way, writing what was in it at once. */
    int spare() {
        int slot = host.takeFree();
        if (slot >= 0) {
            return slot;
        }
        ArchivedBlock oldest = host.removeOldest();
        if (isWorthDisk(oldest.reused, oldest.key())) {
            disk.write(oldest.content, host.image(oldest.slot));
        }
        return oldest.slot;
    }
}
