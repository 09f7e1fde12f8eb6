package dev.millrace.engine.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A memory-mapped safetensors file (github.com/huggingface/safetensors, README "Format"): eight
 * bytes N, little-endian; N bytes of JSON that give each tensor's dtype, shape and byte range; the
 * data. All of it is checked when the file is opened: the ranges lie in the file, fit dtype ×
 * shape, and cover the data without overlap or hole.
 */
public final class SafetensorsFile {
    private static final int LENGTH_BYTES = 8;

    /**
     * The reference implementation's limit: a longer header is an attack or no safetensors file.
     */
    private static final long MAX_HEADER_BYTES = 100_000_000;

    /**
     * The first eight bytes of "version https://git-lfs…", the most common reason for a file that
     * is none.
     */
    private static final long GIT_LFS_POINTER = 0x206e6f6973726576L;

    private static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final Map<String, Integer> BITS =
            Map.ofEntries(
                    Map.entry("F4", 4),
                    Map.entry("F6_E2M3", 6),
                    Map.entry("F6_E3M2", 6),
                    Map.entry("BOOL", 8),
                    Map.entry("U8", 8),
                    Map.entry("I8", 8),
                    Map.entry("F8_E4M3", 8),
                    Map.entry("F8_E5M2", 8),
                    Map.entry("F8_E8M0", 8),
                    Map.entry("U16", 16),
                    Map.entry("I16", 16),
                    Map.entry("F16", 16),
                    Map.entry("BF16", 16),
                    Map.entry("U32", 32),
                    Map.entry("I32", 32),
                    Map.entry("F32", 32),
                    Map.entry("U64", 64),
                    Map.entry("I64", 64),
                    Map.entry("F64", 64),
                    Map.entry("C64", 64));

    private final Path path;
    private final MemorySegment header;
    private final Map<String, Tensor> tensors;

    /**
     * One tensor of a file.
     *
     * @param dtype the format's name, for example BF16
     * @param begin first byte, counted from the end of the header
     * @param data its bytes, valid as long as the arena that the file was mapped in
     */
    public record Tensor(String name, String dtype, long[] shape, long begin, MemorySegment data) {
        String shapeText() {
            return Arrays.toString(shape);
        }
    }

    private SafetensorsFile(Path path, MemorySegment header, Map<String, Tensor> tensors) {
        this.path = path;
        this.header = header;
        this.tensors = tensors;
    }

    /**
     * Maps a file.
     *
     * @param arena closes the mapping
     * @throws ModelLoadException if the file is missing or damaged
     */
    public static SafetensorsFile open(Path path, Arena arena) {
        MemorySegment file = map(path, arena);
        if (file.byteSize() < LENGTH_BYTES) {
            throw damaged(path, "is truncated: " + file.byteSize() + " bytes hold no header");
        }
        long headerBytes = file.get(I64, 0);
        if (headerBytes == GIT_LFS_POINTER) {
            throw damaged(
                    path, "is a Git LFS pointer, not the weights: fetch them with git lfs pull");
        }
        if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
            throw damaged(
                    path,
                    "is no safetensors file: it announces a header of "
                            + Long.toUnsignedString(headerBytes)
                            + " bytes");
        }
        if (headerBytes > file.byteSize() - LENGTH_BYTES) {
            throw damaged(
                    path,
                    "is truncated: the header takes "
                            + headerBytes
                            + " bytes, the file has "
                            + file.byteSize());
        }
        MemorySegment header = file.asSlice(LENGTH_BYTES, headerBytes);
        MemorySegment data = file.asSlice(LENGTH_BYTES + headerBytes);
        JsonFields fields =
                JsonFields.parse(path + " (header)", header.toArray(ValueLayout.JAVA_BYTE));
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : fields.names()) {
            if (!name.equals("__metadata__")) {
                tensors.put(name, tensor(path, name, fields.object(name), data));
            }
        }
        checkCover(path, tensors.values(), data.byteSize());
        return new SafetensorsFile(path, header, Collections.unmodifiableMap(tensors));
    }

    /** Where the file lies. */
    public Path path() {
        return path;
    }

    /** Tensors by name, in the order of the header. */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    long byteSize() {
        long data = tensors.values().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
        return LENGTH_BYTES + header.byteSize() + data;
    }

    /** The JSON text at the file's front. */
    MemorySegment header() {
        return header;
    }

    private static MemorySegment map(Path path, Arena arena) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (NoSuchFileException e) {
            throw new ModelLoadException(path + ": no such file", e);
        } catch (IOException e) {
            throw new ModelLoadException(path + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private static Tensor tensor(Path path, String name, JsonFields fields, MemorySegment data) {
        String dtype = fields.text("dtype");
        long[] shape = fields.sizes("shape");
        long[] range = fields.sizes("data_offsets");
        if (range.length != 2 || range[0] > range[1]) {
            throw fields.problem(
                    "data_offsets",
                    "must be two offsets, first and end, not " + Arrays.toString(range));
        }
        if (range[1] > data.byteSize()) {
            throw damaged(
                    path,
                    "is truncated: tensor "
                            + name
                            + " ends at byte "
                            + range[1]
                            + " of the data, which has "
                            + data.byteSize()
                            + " bytes");
        }
        Integer bits = BITS.get(dtype);
        if (bits == null) {
            throw fields.problem("dtype", "is " + dtype + ", which the format does not know");
        }
        if (!spans(shape, bits, range[1] - range[0])) {
            throw damaged(
                    path,
                    "is damaged: tensor "
                            + name
                            + " takes "
                            + (range[1] - range[0])
                            + " bytes, which do not fit "
                            + dtype
                            + " of shape "
                            + Arrays.toString(shape));
        }
        return new Tensor(
                name, dtype, shape, range[0], data.asSlice(range[0], range[1] - range[0]));
    }

    private static boolean spans(long[] shape, int bits, long bytes) {
        try {
            long total = bits;
            for (long size : shape) {
                total = Math.multiplyExact(total, size);
            }
            return total == Math.multiplyExact(bytes, 8L);
        } catch (ArithmeticException e) {
            return false;
        }
    }

    private static void checkCover(Path path, Collection<Tensor> tensors, long dataBytes) {
        List<Tensor> inOrder = new ArrayList<>(tensors);
        inOrder.sort(
                Comparator.comparingLong(Tensor::begin)
                        .thenComparingLong(tensor -> tensor.data().byteSize()));
        long end = 0;
        String before = "the header";
        for (Tensor tensor : inOrder) {
            if (tensor.begin() != end) {
                throw damaged(
                        path,
                        "is damaged: tensor "
                                + tensor.name()
                                + " begins at byte "
                                + tensor.begin()
                                + " of the data, but "
                                + before
                                + " ends at byte "
                                + end
                                + (tensor.begin() < end ? " (they overlap)" : " (a hole)"));
            }
            end += tensor.data().byteSize();
            before = "tensor " + tensor.name();
        }
        if (end != dataBytes) {
            throw damaged(
                    path,
                    "is damaged: "
                            + (dataBytes - end)
                            + " bytes behind the last tensor belong to none");
        }
    }

    private static ModelLoadException damaged(Path path, String what) {
        return new ModelLoadException(path + " " + what);
    }
}
