package dev.millrace.engine.kvtier;

import dev.millrace.engine.api.KvTierStats;
import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.backend.KvStore;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/**
 * The tiers below the device: blocks that it gives up go to host memory, from there to disk, and
 * come back the same way when a sequence begins with their tokens. Owned by the engine's thread;
 * files are read and written by others, and no step waits for them.
 *
 * <pre>
 * device ──evicted──▶ host ──longest unused──▶ disk
 *        ◀──lift───        ◀──find: read ahead──
 * </pre>
 *
 * <p>At most half of the host's slots are held for sequences whose blocks are being read, and a
 * quarter may wait for their write; what is more is not read ahead, or dropped and counted.
 *
 * <p>A sequence waits only while a read that it needs is under way, and every read ends by itself:
 * waiting cannot go round in a circle.
 */
public final class BlockArchive {
    /** What {@link #find} says while blocks are being read: ask again in a later step. */
    public static final int READING = -1;

    private static final Logger LOG = LoggerFactory.getLogger(BlockArchive.class);
    private static final int SLOTS_MIN = 4;
    private static final int WRITES_MAX = 64;

    private final KvStore store;
    private final BlockKey root;
    private final int blockSize;
    private final HostTier host;
    private final SlotSupply slots;
    private final int maxHeld;

    /** Null where there is no disk. */
    private final DiskTier disk;

    /** For which sequence a block is being read. */
    private final Map<BlockKey, Object> reading = new HashMap<>();

    /** Read for a sequence that waits; not in {@link #host}, so that they cannot leave before. */
    private final Map<BlockKey, ArchivedBlock> held = new HashMap<>();

    /** The keys that were read or are being read for each sequence that waits. */
    private final Map<Object, List<BlockKey>> wanted = new HashMap<>();

    /** On their way to the device. */
    private final Set<BlockKey> lifting = new HashSet<>();

    private long deviceHits;
    private long hostHits;
    private long diskHits;

    BlockArchive(KvStore store, KvTiers config, BlockKey root, DiskFolder folder, TierIo io) {
        this.store = store;
        this.root = root;
        blockSize = store.layout().blockSize();
        long fitting = config.hostBytes() / HostTier.stride(store.imageBytes());
        if (fitting < SLOTS_MIN) {
            throw new IllegalArgumentException(
                    "KV tiers: hostBytes %,d has room for %d blocks of %,d bytes; %d are needed"
                            .formatted(
                                    config.hostBytes(), fitting, store.imageBytes(), SLOTS_MIN));
        }
        fitting = Math.min(fitting, Integer.MAX_VALUE / 2);
        host =
                new HostTier(
                        store.hostMemory(fitting * HostTier.stride(store.imageBytes())),
                        store.imageBytes());
        maxHeld = host.numSlots() / 2;
        LOG.info(
                "KV host memory: {} bytes / {} per block of {} tokens = {} blocks",
                config.hostBytes(),
                HostTier.stride(store.imageBytes()),
                blockSize,
                host.numSlots());
        disk =
                folder == null
                        ? null
                        : new DiskTier(folder, io, Math.min(WRITES_MAX, host.numSlots() / 4));
        slots = new SlotSupply(store, host, disk, config.diskKeeps());
    }

    /**
     * Takes the host's memory and opens the folder.
     *
     * @param config with tiers
     * @param store the device's blocks
     * @param identity whose images are the device's
     */
    public static BlockArchive open(KvTiers config, KvStore store, BlockIdentity identity) {
        DiskFolder folder =
                config.hasDisk() ? DiskFolder.open(config, store, identity) : null;
        TierIo io = config.hasDisk() ? TierIo.threads() : null;
        return new BlockArchive(store, config, identity.root(), folder, io);
    }

    /** The key before the first block. */
    public BlockKey root() {
        return root;
    }

    /** Whether there is nothing that a sequence could find. */
    public boolean isEmpty() {
        return host.numBlocks() == 0
                && held.isEmpty()
                && reading.isEmpty()
                && (disk == null || disk.folder().isEmpty());
    }

    /**
     * How many of the blocks {@code [from, to)} of a waiting sequence can be lifted now. What is on
     * disk is read first.
     *
     * @param owner stands for the sequence until {@link #release}
     * @param keys of its blocks
     * @param tokens of the sequence
     * @return blocks from {@code from} on, or {@link #READING}
     */
    public int find(Object owner, BlockKey[] keys, int[] tokens, int from, int to) {
        collect(disk == null ? List.of() : disk.finishedReads());
        int ready = from;
        while (ready < to && isReady(keys, tokens, ready)) {
            ready++;
        }
        boolean goesOn =
                ready < to
                        && disk != null
                        && (reading.containsKey(keys[ready]) || disk.folder().has(keys[ready]));
        if (goesOn) {
            startReads(owner, keys, tokens, ready, to);
        }
        return goesOn && !reading.isEmpty() ? READING : ready - from;
    }

    /** Waits a little while for blocks that are being read, for an engine with nothing to do. */
    public void awaitRead() {
        if (disk != null) {
            collect(disk.awaitRead());
        }
    }

    /** Forgets that a sequence waits: it was admitted or is gone. */
    public void release(Object owner) {
        List<BlockKey> keys = wanted.remove(owner);
        if (keys == null) {
            return;
        }
        // Deepest first, so that a prefix stays longer than what follows it.
        for (BlockKey key : keys.reversed()) {
            ArchivedBlock block = held.remove(key);
            if (block != null) {
                host.put(block);
            }
        }
    }

    /**
     * Brings blocks that {@link #find} has just counted onto the device. They stay here as well.
     *
     * @param device index of a block in the sequence to the device block for it; may call {@link
     *     #evicted}
     */
    public void lift(BlockKey[] keys, int from, int count, IntUnaryOperator device) {
        ArchivedBlock[] blocks = new ArchivedBlock[count];
        for (int i = 0; i < count; i++) {
            // Out of reach while the device makes room by sending others here.
            BlockKey key = keys[from + i];
            ArchivedBlock waiting = held.remove(key);
            blocks[i] = waiting == null ? host.remove(key) : waiting;
            lifting.add(key);
        }
        for (int i = 0; i < count; i++) {
            store.importBlock(device.applyAsInt(from + i), host.image(blocks[i].slot));
            slots.copyQueued();
            if (blocks[i].fromDisk) {
                diskHits++;
            } else {
                hostHits++;
            }
            blocks[i].fromDisk = false;
            blocks[i].reused = true;
        }
        for (int i = count - 1; i >= 0; i--) {
            host.put(blocks[i]);
        }
        lifting.clear();
    }

    /** Notes blocks that were on the device when a sequence was admitted. */
    public void hitOnDevice(int blocks) {
        deviceHits += blocks;
    }

    /**
     * Keeps what a device block holds, which will be overwritten by the next step.
     *
     * @param reused whether another sequence has found it since it was computed
     */
    public void evicted(BlockContent content, boolean reused, int block) {
        ArchivedBlock known = host.get(content.key());
        known = known == null ? held.get(content.key()) : known;
        if (known != null) {
            known.reused |= reused;
            return;
        }
        if (reading.containsKey(content.key()) || lifting.contains(content.key())) {
            return;
        }
        int slot = slots.take();
        if (slot >= 0) {
            store.exportBlock(block, host.image(slot));
            slots.copyQueued();
            host.put(new ArchivedBlock(content, slot, reused, false));
        }
    }

    public KvTierStats stats() {
        DiskFolder folder = disk == null ? null : disk.folder();
        long hostBlocks = host.numBlocks() + held.size();
        return new KvTierStats(
                deviceHits * blockSize,
                hostHits * blockSize,
                diskHits * blockSize,
                hostBlocks * store.imageBytes(),
                folder == null ? 0 : folder.bytes(),
                folder == null ? 0 : folder.writes(),
                disk == null ? 0 : disk.dropped(),
                folder == null ? 0 : folder.refusedFiles());
    }

    /** Throws if slots are lost or doubled. */
    public void checkConservation() {
        int lent = disk == null ? 0 : disk.numReading() + disk.numWriting();
        int accounted = host.numFree() + host.numBlocks() + held.size() + lent;
        if (accounted != host.numSlots()) {
            throw new IllegalStateException(
                    "host slots do not add up: free %d + cached %d + held %d + lent %d of %d"
                            .formatted(
                                    host.numFree(),
                                    host.numBlocks(),
                                    held.size(),
                                    lent,
                                    host.numSlots()));
        }
        Set<BlockKey> owed = new HashSet<>();
        wanted.values().forEach(owed::addAll);
        if (!owed.containsAll(held.keySet())) {
            throw new IllegalStateException("blocks are held for nobody");
        }
    }

    /**
     * Writes what is worth it to disk and ends reading and writing. Nothing is called after this.
     *
     * @param device the blocks that are still cached on the device, longest unused first
     */
    public void drain(List<DeviceBlock> device) {
        if (disk == null) {
            return;
        }
        disk.finish();
        collect(disk.finishedReads());
        slots.reclaim();
        List.copyOf(wanted.keySet()).forEach(this::release);
        slots.settle();
        int slot = slots.spare();
        List<Runnable> writes = new ArrayList<>();
        for (ArchivedBlock block : host.blocks()) {
            if (slots.isWorthDisk(block.reused, block.key())) {
                writes.add(() -> disk.write(block.content, host.image(block.slot)));
            }
        }
        for (DeviceBlock block : device) {
            BlockKey key = block.content().key();
            if (slots.isWorthDisk(block.reused(), key)) {
                writes.add(() -> writeFromDevice(block, slot));
            }
        }
        long room = disk.folder().bytesMax() / disk.folder().fileBytes();
        writes.stream().skip(Math.max(0, writes.size() - room)).forEach(Runnable::run);
    }

    private void writeFromDevice(DeviceBlock block, int slot) {
        MemorySegment image = host.image(slot);
        store.exportBlock(block.block(), image);
        store.settle();
        disk.write(block.content(), image);
    }

    private boolean isReady(BlockKey[] keys, int[] tokens, int i) {
        ArchivedBlock block = host.get(keys[i]);
        block = block == null ? held.get(keys[i]) : block;
        return block != null && block.content.is(parent(keys, i), tokens, i * blockSize);
    }

    private BlockKey parent(BlockKey[] keys, int i) {
        return i == 0 ? root : keys[i - 1];
    }

    /** Starts reading the blocks of {@code [from, to)} that only the disk has, while there is room. */
    private void startReads(Object owner, BlockKey[] keys, int[] tokens, int from, int to) {
        for (int i = from; i < to; i++) {
            BlockKey key = keys[i];
            if (host.has(key) || held.containsKey(key) || reading.containsKey(key)) {
                continue;
            }
            boolean room = held.size() + disk.numReading() < maxHeld;
            int slot = room && disk.folder().has(key) ? slots.take() : -1;
            if (slot < 0) {
                return;
            }
            slots.settle();
            int[] own = Arrays.copyOfRange(tokens, i * blockSize, (i + 1) * blockSize);
            BlockContent content = new BlockContent(key, parent(keys, i), own);
            disk.startRead(content, slot, host.image(slot));
            reading.put(key, owner);
            wanted.computeIfAbsent(owner, o -> new ArrayList<>()).add(key);
        }
    }

    private void collect(List<DiskTier.Read> reads) {
        for (DiskTier.Read read : reads) {
            BlockKey key = read.content().key();
            Object owner = reading.remove(key);
            if (!read.good()) {
                host.giveBack(read.slot());
                continue;
            }
            ArchivedBlock block = new ArchivedBlock(read.content(), read.slot(), true, true);
            if (wanted.getOrDefault(owner, List.of()).contains(key)) {
                held.put(key, block);
            } else {
                host.put(block);
            }
        }
    }
}
