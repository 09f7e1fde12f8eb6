package dev.millrace.sink;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/**
 * Gives all stores of this process one block cache, indexes and write buffers included, so that their memory
 * does not grow with the number of partitions. Streams makes one object per store, hence the map by size:
 * stores of the same size share.
 *
 * <p>Source: "RocksDB memory management" in Kafka Streams' documentation.
 */
public final class BoundedRocksDb implements RocksDBConfigSetter {
    /** The Streams property that holds the bytes in all. */
    static final String MEMORY_BYTES = "millrace.rocksdb.memory.bytes";

    private static final double INDEX_SHARE = 0.1;

    /**
     * What a write buffer takes at a time. RocksDB's own choice is a megabyte and more, counted as used from
     * the first record on: the empty buffers of many stores would use up the bound, and every few records
     * would become a file.
     */
    private static final long ARENA_BLOCK_BYTES = 64 << 10;
    private static final Map<Long, SharedMemory> SHARED = new ConcurrentHashMap<>();

    private record SharedMemory(Cache cache, WriteBufferManager writeBuffers) {
        static SharedMemory of(long bytes) {
            Cache cache = new LRUCache(bytes, -1, false, INDEX_SHARE);
            // Half for what is not yet on disk; counted inside the cache, so that both together stay within
            // the bytes.
            return new SharedMemory(cache, new WriteBufferManager(bytes / 2, cache));
        }
    }

    @Override
    public void setConfig(String storeName, Options options, Map<String, Object> configs) {
        long bytes = Long.parseLong(configs.get(MEMORY_BYTES).toString());
        SharedMemory memory = SHARED.computeIfAbsent(bytes, SharedMemory::of);
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(memory.cache());
        table.setCacheIndexAndFilterBlocks(true);
        table.setCacheIndexAndFilterBlocksWithHighPriority(true);
        table.setPinTopLevelIndexAndFilter(true);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(memory.writeBuffers());
        options.setArenaBlockSize(ARENA_BLOCK_BYTES);
    }

    /** The shared memory outlives each store. */
    @Override
    public void close(String storeName, Options options) {}
}
