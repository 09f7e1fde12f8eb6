package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.MemorySegment;

/**
 * The KV cache in device memory: per layer {@code [numBlocks][2][kvHeads][blockSize][headDim]},
 * keys before values in each block, E4M3 or BF16.
 *
 * @param driver of the device that the memory is on
 * @param address of layer 0
 * @param keyScales address of f32 [layers][kvHeads]; 0 for BF16
 * @param valueScales likewise
 */
record CudaKvStore(
        CudaDriver driver,
        KvLayout layout,
        boolean fp8,
        long address,
        long keyScales,
        long valueScales)
        implements KvStore {

    long layerAddress(int layer) {
        return address
                + layer * (long) layout.numBlocks() * layout.bytesPerBlock() / layout.numLayers();
    }

    long keyScales(int layer) {
        return fp8 ? keyScales + 4L * layer * layout.numKvHeads() : 0;
    }

    long valueScales(int layer) {
        return fp8 ? valueScales + 4L * layer * layout.numKvHeads() : 0;
    }

    /** The part of a kernel's name that tells the element type. */
    String suffix() {
        return fp8 ? "fp8" : "bf16";
    }

    /** One layer's part. */
    record Layer(long address, long keyScales, long valueScales, int blockSize, String suffix) {}

    Layer at(int layer) {
        return new Layer(
                layerAddress(layer),
                keyScales(layer),
                valueScales(layer),
                layout.blockSize(),
                suffix());
    }

    @Override
    public long imageBytes() {
        return layout.bytesPerBlock();
    }

    @Override
    public String imageFormat() {
        return "cuda " + suffix();
    }

    @Override
    public MemorySegment hostMemory(long bytes) {
        return driver.allocateHost(bytes);
    }

    @Override
    public void exportBlock(int block, MemorySegment image) {
        long bytes = layerImageBytes();
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            driver.copyToHost(
                    image.asSlice(layer * bytes, bytes), layerAddress(layer) + block * bytes);
        }
    }

    @Override
    public void importBlock(int block, MemorySegment image) {
        long bytes = layerImageBytes();
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            driver.copyToDevice(
                    layerAddress(layer) + block * bytes, image.asSlice(layer * bytes, bytes));
        }
    }

    @Override
    public void settle() {
        driver.synchronize();
    }

    private long layerImageBytes() {
        return layout.bytesPerBlock() / layout.numLayers();
    }

    /** A scale per layer, written once per KV head. */
    static float[] perHead(float[] perLayer, KvLayout layout) {
        float[] all = new float[perLayer.length * layout.numKvHeads()];
        for (int i = 0; i < all.length; i++) {
            all[i] = perLayer[i / layout.numKvHeads()];
        }
        return all;
    }
}
