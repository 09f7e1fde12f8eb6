package dev.millrace.engine.backend.cpu;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Native memory by plain addresses, and the vector species of this machine. Kernels get addresses
 * from objects that know their bounds ({@link CpuBuffer}, {@link CpuKvStore}) and whose shapes
 * {@link CpuBackend} checks at the door, so that inner loops need no bounds or liveness checks.
 *
 * <p>In a loop, methods are called on the vector that was just made, and the one that the loop
 * carries is their argument: {@code x.add(sum)}, not {@code sum.add(x)}. The class of a carried one
 * is known to the compiler by its profile only, and where that is missing every turn makes a
 * virtual call and an object.
 */
final class Native {
    /** All of memory: an address is an offset. */
    @SuppressWarnings("restricted") // the point of this class
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;

    /** As many shorts as {@link #F} has floats. */
    static final VectorSpecies<Short> S =
            VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

    /** As many bytes as {@link #F} has floats. */
    static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(F.vectorBitSize() / 4));

    /** Floats in a vector: 16 with AVX-512, 8 with AVX2. */
    static final int LANES = F.length();

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Native() {}

    static float getFloat(long address) {
        return ALL.get(FLOAT, address);
    }

    static void setFloat(long address, float value) {
        ALL.set(FLOAT, address, value);
    }

    static int getInt(long address) {
        return ALL.get(INT, address);
    }

    static void setInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    static short getShort(long address) {
        return ALL.get(SHORT, address);
    }

    static void setShort(long address, short value) {
        ALL.set(SHORT, address, value);
    }

    static byte getByte(long address) {
        return ALL.get(ValueLayout.JAVA_BYTE, address);
    }

    static void setByte(long address, byte value) {
        ALL.set(ValueLayout.JAVA_BYTE, address, value);
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(F, ALL, address, ORDER);
    }

    static IntVector loadInts(long address) {
        return IntVector.fromMemorySegment(I, ALL, address, ORDER);
    }

    /** As many signed bytes as there are lanes, as F32. */
    static FloatVector loadBytes(long address) {
        ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, address, ORDER);
        return (FloatVector) bytes.convertShape(VectorOperators.B2F, F, 0);
    }

    static FloatVector broadcast(long address) {
        return FloatVector.broadcast(F, getFloat(address));
    }

    static void store(FloatVector vector, long address) {
        vector.intoMemorySegment(ALL, address, ORDER);
    }

    /**
     * The larger of each pair, {@code a} where one is a NaN: two instructions, where {@link
     * FloatVector#max} takes about seven for NaN and −0.
     */
    static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, a.compare(VectorOperators.LT, b));
    }

    /** One behind the other. */
    static void storeBoth(long address, FloatVector a, FloatVector b) {
        store(a, address);
        store(b, address + 4L * LANES);
    }

    /**
     * Makes bytes 0. By {@link MemorySegment#fill} it would take a segment, an object, for every
     * call.
     */
    static void zero(long address, long bytes) {
        long vectorBytes = 4L * LANES;
        long i = 0;
        for (; i + vectorBytes <= bytes; i += vectorBytes) {
            store(FloatVector.zero(F), address + i);
        }
        for (; i < bytes; i++) {
            setByte(address + i, (byte) 0);
        }
    }

    static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }
}
