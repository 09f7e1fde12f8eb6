package dev.millrace.engine.backend.cuda;

/**
 * Settings of a CUDA device beyond those of every device.
 *
 * @param deviceIndex which GPU, as the driver counts
 * @param kvFp8 keep keys and values as E4M3; false keeps BF16
 * @param quantizeWeights round the linears of an unquantised checkpoint to E4M3 at load, a scale
 *     per output channel
 * @param memoryShare share of the device's memory to use, weights and all, in (0, 1]
 * @param graphRowsMax decode steps of at most so many sequences are replayed as CUDA graphs; 0
 *     never
 * @param splitTokensMin fewest KV tokens that are worth a thread block of their own in decode
 *     attention
 * @param sharedTokensMin fewest common leading tokens, times sequences less one, that attention
 *     reads once for all
 */
public record CudaConfig(
        int deviceIndex,
        boolean kvFp8,
        boolean quantizeWeights,
        double memoryShare,
        int graphRowsMax,
        int splitTokensMin,
        int sharedTokensMin) {

    public CudaConfig {
        check(deviceIndex >= 0, "deviceIndex", deviceIndex);
        check(
                memoryShare > 0 && memoryShare <= 1,
                "memoryShare, which must be in (0, 1]",
                memoryShare);
        check(
                graphRowsMax >= 0 && graphRowsMax <= 256,
                "graphRowsMax, which must be in [0, 256]",
                graphRowsMax);
        check(splitTokensMin >= 1, "splitTokensMin", splitTokensMin);
        check(sharedTokensMin >= 1, "sharedTokensMin", sharedTokensMin);
    }

    /**
     * FP8 keys and values, weights as the checkpoint has them, 90 % of the memory, graphs up to 64
     * sequences.
     */
    public static CudaConfig defaults() {
        return new CudaConfig(0, true, false, 0.9, 64, 256, 4096);
    }

    public CudaConfig withDeviceIndex(int index) {
        return new CudaConfig(
                index,
                kvFp8,
                quantizeWeights,
                memoryShare,
                graphRowsMax,
                splitTokensMin,
                sharedTokensMin);
    }

    public CudaConfig withKvFp8(boolean fp8) {
        return new CudaConfig(
                deviceIndex,
                fp8,
                quantizeWeights,
                memoryShare,
                graphRowsMax,
                splitTokensMin,
                sharedTokensMin);
    }

    public CudaConfig withQuantizedWeights(boolean quantized) {
        return new CudaConfig(
                deviceIndex,
                kvFp8,
                quantized,
                memoryShare,
                graphRowsMax,
                splitTokensMin,
                sharedTokensMin);
    }

    public CudaConfig withMemoryShare(double share) {
        return new CudaConfig(
                deviceIndex,
                kvFp8,
                quantizeWeights,
                share,
                graphRowsMax,
                splitTokensMin,
                sharedTokensMin);
    }

    public CudaConfig withGraphRowsMax(int rows) {
        return new CudaConfig(
                deviceIndex,
                kvFp8,
                quantizeWeights,
                memoryShare,
                rows,
                splitTokensMin,
                sharedTokensMin);
    }

    /** When attention splits a sequence, and when it reads a common prefix once. */
    public CudaConfig withAttention(int splitMin, int sharedMin) {
        return new CudaConfig(
                deviceIndex,
                kvFp8,
                quantizeWeights,
                memoryShare,
                graphRowsMax,
                splitMin,
                sharedMin);
    }

    private static void check(boolean holds, String name, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "CUDA setting " + name + " is out of range: " + value);
        }
    }
}
