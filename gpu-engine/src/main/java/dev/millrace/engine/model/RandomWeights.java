package dev.millrace.engine.model;

import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Random weights for measurements of speed: values like those of a trained model in size, never
 * zeros, for these compute faster than real data. All matrices are pieces of one pool of random
 * numbers. Linears are E4M3 with a scale per output channel; embedding and head are BF16.
 */
final class RandomWeights implements WeightSource, AutoCloseable {
    /** Standard deviation of a weight times the root of its columns: keeps activations of size one. */
    private static final double GAIN = 0.7;

    /** Root mean square of the E4M3 elements before their scale. */
    private static final double ELEMENT_SIZE = 64;

    private static final long PIECE_ALIGNMENT = 64;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment fp8;
    private final MemorySegment bf16;
    private final SplittableRandom random;

    /** @param largest elements of the largest matrix */
    RandomWeights(long seed, long largestLinear, long largestTable) {
        random = new SplittableRandom(seed);
        fp8 = arena.allocate(largestLinear + largestLinear / 8 + PIECE_ALIGNMENT, PIECE_ALIGNMENT);
        bf16 = arena.allocate(2 * largestTable, PIECE_ALIGNMENT);
        for (long i = 0; i + 8 <= fp8.byteSize(); i += 8) {
            // A sign, an exponent near that of ELEMENT_SIZE, a mantissa: 0x58 .. 0x6f is 8 .. 120.
            long bits = random.nextLong();
            long low = bits & 0x8f8f8f8f8f8f8f8fL;
            fp8.set(ValueLayout.JAVA_LONG_UNALIGNED, i, low | 0x6060606060606060L);
        }
        for (long i = 0; i + 8 <= bf16.byteSize(); i += 8) {
            // Sign and mantissa are random, the exponent is that of 1/64.
            long bits = random.nextLong() & 0x807f807f807f807fL;
            bf16.set(ValueLayout.JAVA_LONG_UNALIGNED, i, bits | 0x3c803c803c803c80L);
        }
    }

    @Override
    public WeightTensor matrix(String name, int rows, int cols) {
        long elements = (long) rows * cols;
        if (name.contains("embed_tokens") || name.contains("lm_head")) {
            MemorySegment data = bf16.asSlice(0, 2 * elements);
            return new WeightTensor(name, DType.BF16, rows, cols, data, null, 1, cols);
        }
        long room = (fp8.byteSize() - elements) / PIECE_ALIGNMENT;
        MemorySegment data = fp8.asSlice(random.nextLong(room + 1) * PIECE_ALIGNMENT, elements);
        float[] scales = new float[rows];
        Arrays.fill(scales, (float) (GAIN / Math.sqrt(cols) / ELEMENT_SIZE));
        return new WeightTensor(name, DType.F8_E4M3, rows, cols, data, scales, 1, cols);
    }

    @Override
    public float[] vector(String name, int length) {
        float[] ones = new float[length];
        Arrays.fill(ones, 1);
        return ones;
    }

    @Override
    public boolean has(String name) {
        return false;
    }

    @Override
    public float scalar(String name) {
        throw new IllegalArgumentException("random weights have no " + name);
    }

    @Override
    public void close() {
        arena.close();
    }
}
