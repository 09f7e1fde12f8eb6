package dev.millrace.ingest;

import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.IndexType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

import java.util.Map;

/**
 * Bounds the memory that all RocksDB stores of this process take together: blocks, indexes, filters
 * and write buffers come out of one cache. Without it every segment of every partition has its own
 * 50 MiB of cache and 48 MiB of write buffers. Kafka Streams makes an instance per store by class
 * name, so what they share is static; the first store of the process decides the size.
 */
public final class BoundedStoreMemory implements RocksDBConfigSetter {
    /** Streams property: the bound in bytes. */
    public static final String BYTES = "millrace.store.memory.bytes";

    private static final long WRITE_BUFFER_BYTES = 16 << 20;

    /**
     * What a write buffer takes at a time. RocksDB's own choice, an eighth of the buffer, is counted as
     * used from the first record on: with two dozen stores the shared bound would be reached by empty
     * buffers, and every few records would become a file.
     */
    private static final long ARENA_BLOCK_BYTES = 64 << 10;

    /** Taken at once with each write buffer; 160 KiB, ten bits for each id that fits into one. */
    private static final double FILTER_SHARE_OF_BUFFER = 0.01;

    private record Shared(Cache cache, WriteBufferManager writeBuffers) {}

    private static Shared shared;

    @Override
    public void setConfig(String storeName, Options options, Map<String, Object> configs) {
        Shared memory = shared(Long.parseLong(String.valueOf(configs.get(BYTES))));
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(memory.cache);
        table.setCacheIndexAndFilterBlocks(true);
        table.setCacheIndexAndFilterBlocksWithHighPriority(true);
        // Indexes and filters in pieces, so that those of 100 million ids need not lie in the cache
        // as a whole.
        table.setIndexType(IndexType.kTwoLevelIndexSearch);
        table.setPartitionFilters(true);
        table.setPinTopLevelIndexAndFilter(true);
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(memory.writeBuffers);
        options.setWriteBufferSize(WRITE_BUFFER_BYTES);
        options.setArenaBlockSize(ARENA_BLOCK_BYTES);
        options.setMaxWriteBufferNumber(2);
        // A filter for the write buffer, too: most look-ups are for ids that are new, and the
        // buffer is a skip list.
        options.setMemtableWholeKeyFiltering(true);
        options.setMemtablePrefixBloomSizeRatio(FILTER_SHARE_OF_BUFFER);
    }

    /** The shared objects live as long as the process. */
    @Override
    public void close(String storeName, Options options) {}

    private static synchronized Shared shared(long bytes) {
        if (shared == null) {
            Cache cache = new LRUCache(bytes, -1, false, 0.3);
            shared = new Shared(cache, new WriteBufferManager(bytes / 4, cache));
        }
        return shared;
    }
}
