package dev.millrace.engine.kvcache;

import dev.millrace.engine.kvtier.BlockArchive;
import dev.millrace.engine.kvtier.BlockContent;
import dev.millrace.engine.kvtier.BlockKey;
import dev.millrace.engine.kvtier.DeviceBlock;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;

/**
 * How the blocks in the prefix cache are called below the device, and whether they were found again;
 * by block id. Kept only where there are tiers below.
 */
final class BlockNames {
    private final BlockKey[] keys;
    private final BlockKey[] parents;
    private final BitSet reused;
    private final BlockKey.Chain chain;
    private final BlockKey root;
    private final int blockSize;

    BlockNames(int numBlocks, int blockSize, BlockArchive archive) {
        keys = new BlockKey[numBlocks];
        parents = new BlockKey[numBlocks];
        reused = new BitSet(numBlocks);
        chain = new BlockKey.Chain(blockSize);
        root = archive.root();
        this.blockSize = blockSize;
    }

    /** Makes the names of a sequence's first {@code full} blocks known to its table. */
    void keyUpTo(BlockTable table, int[] tokens, int full) {
        table.keyUpTo(chain, root, tokens, full, blockSize);
    }

    /** A device block now holds block {@code index} of a table. */
    void name(int block, BlockTable table, int index, boolean isReused) {
        keys[block] = table.keys[index];
        parents[block] = index == 0 ? root : table.keys[index - 1];
        reused.set(block, isReused);
    }

    void foundAgain(int block) {
        reused.set(block);
    }

    boolean isReused(int block) {
        return reused.get(block);
    }

    BlockContent content(int block, PrefixCache prefixes) {
        return new BlockContent(keys[block], parents[block], prefixes.tokens(block));
    }

    /** All blocks in the prefix cache, longest unused first, those in use last. */
    List<DeviceBlock> all(BlockPool pool, PrefixCache prefixes) {
        List<DeviceBlock> blocks = new ArrayList<>();
        Arrays.stream(pool.evictable()).forEach(block -> blocks.add(describe(block, prefixes)));
        List<Integer> inUse = new ArrayList<>();
        for (int block = 0; block < keys.length; block++) {
            if (prefixes.contains(block) && pool.refCount(block) > 0) {
                inUse.add(block);
            }
        }
        // A prefix is entered before what follows it: so it comes last here.
        inUse.sort(Comparator.comparingLong(prefixes::entryId).reversed());
        inUse.forEach(block -> blocks.add(describe(block, prefixes)));
        return blocks;
    }

    private DeviceBlock describe(int block, PrefixCache prefixes) {
        return new DeviceBlock(content(block, prefixes), isReused(block), block);
    }
}
