package dev.millrace.engine.kvtier;

import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.backend.KvStore;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.SplittableRandom;

/** An archive whose reads and writes run when the test says so. */
public final class ManualArchive {
    private final Deque<Runnable> reads = new ArrayDeque<>();
    private final Deque<Runnable> writes = new ArrayDeque<>();
    private final BlockArchive archive;

    /** An archive of the one model that tests of the same store format share. */
    public ManualArchive(KvTiers tiers, KvStore store) {
        BlockIdentity identity = BlockIdentity.of("test", "test", store);
        DiskFolder folder = tiers.hasDisk() ? DiskFolder.open(tiers, store, identity) : null;
        TierIo io = new TierIo(reads::add, writes::add, this::runAll, 0);
        archive = new BlockArchive(store, tiers, identity.root(), folder, io);
    }

    public BlockArchive archive() {
        return archive;
    }

    public int numReads() {
        return reads.size();
    }

    public int numWrites() {
        return writes.size();
    }

    public void runAll() {
        runAll(reads);
        runAll(writes);
    }

    /** Runs none, some or all of what is queued; writes lag behind, so that their queue fills. */
    public void runSome(SplittableRandom random) {
        while (!reads.isEmpty() && random.nextInt(3) > 0) {
            reads.remove().run();
        }
        while (!writes.isEmpty() && random.nextInt(2) > 0) {
            writes.remove().run();
        }
    }

    private static void runAll(Deque<Runnable> queue) {
        while (!queue.isEmpty()) {
            queue.remove().run();
        }
    }

    /** For a model of another name. */
    static BlockIdentity identity(String model) {
        return new BlockIdentity(
                BlockKey.sha256().digest(model.getBytes(StandardCharsets.UTF_8)));
    }
}
