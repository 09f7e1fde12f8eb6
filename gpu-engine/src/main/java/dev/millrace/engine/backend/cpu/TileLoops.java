package dev.millrace.engine.backend.cpu;

/** The two products of attention, for few rows, over tiles of one format of {@link CpuKvStore}. */
interface TileLoops {
    /** Rows that share a load; row counts are padded to it. */
    int ROWS = 4;

    /**
     * scores[r][k] = q[r] · key[k].
     *
     * @param q [rows][D] F32
     * @param tiles addresses of {@code count} tiles, and one more entry that may be read
     * @param scores [rows][CHUNK] F32; with an odd count, a tile's worth behind the last is
     *     overwritten
     */
    void scores(long q, long[] tiles, int count, long scores, int rows);

    /**
     * out[r] += Σ weights[r][k] value[k].
     *
     * @param weights [rows][CHUNK] F32, of no use afterwards; 0 behind the last key in its tile
     * @param keys how many values count; what lies behind them in the last tile is not read into a
     *     sum
     * @param out [rows][D] F32
     */
    void values(long weights, long[] tiles, int keys, long out, int rows);
}
