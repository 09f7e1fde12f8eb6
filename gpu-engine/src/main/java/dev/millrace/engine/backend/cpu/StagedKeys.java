package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.CpuKvStore.TILE;

import java.lang.foreign.SegmentAllocator;

/**
 * Chunks of one KV head's keys and values as F32 matrices, for products of many rows; one worker's.
 * The last few chunks are kept, since the next problem is mostly about the same keys.
 *
 * <pre>
 * keys   [D][n]    value of dimension d of key k at d * n + k
 * values [n][D]    behind the last key: zeros, so that weights of 0 meet numbers
 * </pre>
 *
 * n is the number of keys rounded up as {@link AttentionGemms#paddedKeys} says.
 */
final class StagedKeys {
    private static final int CHUNKS = 4;

    private final int dim;
    private final CpuKvStore kv;
    private final Chunk[] chunks = new Chunk[CHUNKS];

    /** A chunk and what it holds. */
    static final class Chunk {
        private final long keys;
        private final long values;
        private long step;
        private int[] blockTable;
        private int head;
        private int first;
        private int count;

        Chunk(SegmentAllocator memory, int dim) {
            keys = memory.allocate(4L * AttentionGemms.CHUNK * dim, 64).address();
            values = memory.allocate(4L * AttentionGemms.CHUNK * dim, 64).address();
        }

        /** Address of [D][n]. */
        long keys() {
            return keys;
        }

        /** Address of [n][D]. */
        long values() {
            return values;
        }

        /**
         * Whether it holds these keys already; if not, it is said to from now on.
         *
         * @param ofStep number of the call that reads the cache
         */
        boolean claim(long ofStep, int[] table, int kvHead, int from, int keyCount) {
            if (step == ofStep
                    && blockTable == table
                    && head == kvHead
                    && first == from
                    && count == keyCount) {
                return true;
            }
            step = ofStep;
            blockTable = table;
            head = kvHead;
            first = from;
            count = keyCount;
            return false;
        }
    }

    StagedKeys(SegmentAllocator memory, CpuKvStore kv) {
        this.kv = kv;
        this.dim = kv.paddedDim();
        for (int i = 0; i < CHUNKS; i++) {
            chunks[i] = new Chunk(memory, dim);
        }
    }

    /** The place for the chunk that begins at key {@code first}. */
    Chunk chunk(int first) {
        return chunks[first / AttentionGemms.CHUNK % CHUNKS];
    }

    /**
     * Widens tiles into a chunk.
     *
     * @param tiles addresses of the tiles that hold {@code keys} keys
     */
    void fill(Chunk chunk, long[] tiles, int keys) {
        int padded = AttentionGemms.paddedKeys(keys);
        for (int tile = 0; tile < Math.ceilDiv(keys, TILE); tile++) {
            kv.widenKeys(tiles[tile], chunk.keys + 4L * TILE * tile, 4L * padded);
            kv.widenValues(tiles[tile], chunk.values + 4L * TILE * tile * dim);
        }
        Native.zero(chunk.values + 4L * keys * dim, 4L * (padded - keys) * dim);
    }
}
