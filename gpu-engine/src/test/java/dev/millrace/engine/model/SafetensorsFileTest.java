package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

class SafetensorsFileTest {
    private static final String GOOD =
            "{'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]},"
                    + " 'b': {'dtype': 'BF16', 'shape': [1, 2], 'data_offsets': [8, 12]}}";

    @TempDir private Path folder;

    @Test
    void readsWhatTheFormatSays() throws IOException {
        Path path = write(GOOD.replace("{'a'", "{'__metadata__': {'format': 'pt'}, 'a'"), 12);
        try (Arena arena = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(path, arena);
            assertEquals("[a, b]", file.tensors().keySet().toString());
            assertArrayEquals(new long[] {1, 2}, file.tensors().get("b").shape());
            assertEquals(4, file.tensors().get("b").data().byteSize());
            assertEquals(Files.size(path), file.byteSize());
            float[] values = new float[2];
            WeightReader.readElements(file.tensors().get("a").data(), DType.F32, 0, 2, values);
            assertArrayEquals(new float[] {1, 2}, values);
        }
    }

    @Test
    void emptyTensorsTakeNoRoom() throws IOException {
        Path path =
                write(
                        "{'none': {'dtype': 'F32', 'shape': [0, 4], 'data_offsets': [0, 0]},"
                                + "'one': {'dtype': 'F32', 'shape': [], 'data_offsets': [0, 4]}}",
                        4);
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(2, SafetensorsFile.open(path, arena).tensors().size());
        }
    }

    @Test
    void refusesDamagedFiles() throws IOException {
        refuses(
                write(GOOD, 11),
                "is truncated: tensor b ends at byte 12 of the data, which has 11 bytes");
        refuses(write(GOOD, 13), "is damaged: 1 bytes behind the last tensor belong to none");
        refuses(
                write(GOOD.replace("[8, 12]", "[6, 10]"), 12),
                "is damaged: tensor b begins at byte 6 of the data, but tensor a ends at byte 8"
                    + " (they overlap)");
        refuses(
                write(GOOD.replace("[8, 12]", "[9, 13]"), 13),
                "is damaged: tensor b begins at byte 9 of the data, but tensor a ends at byte 8 (a"
                    + " hole)");
        refuses(
                write(GOOD.replace("[2]", "[3]"), 12),
                "is damaged: tensor a takes 8 bytes, which do not fit F32 of shape [3]");
        refuses(
                write(GOOD.replace("[2]", "[4611686018427387904, 4]"), 12),
                "is damaged: tensor a takes 8 bytes, which do not fit F32 of shape"
                    + " [4611686018427387904, 4]");
        refuses(
                write(GOOD.replace("'b'", "'a'"), 12),
                " (header): line 1: not valid JSON: Duplicate field 'a'");
        refuses(
                write(GOOD.replace("F32", "F33"), 12),
                " (header): field a.dtype is F33, which the format does not know");
        refuses(
                write(GOOD.replace("[8, 12]", "[12, 8]"), 12),
                " (header): field b.data_offsets must be two offsets, first and end, not [12, 8]");
        refuses(
                write(GOOD.replace("[8, 12]", "[-8, 12]"), 12),
                " (header): field b.data_offsets must be an array of sizes, not [-8,12]");
        refuses(write("[]", 0), " (header): must hold a JSON object");
    }

    @Test
    void refusesFilesWithoutAHeader() throws IOException {
        Path path = folder.resolve("x.safetensors");
        Files.write(path, new byte[7]);
        refuses(path, "is truncated: 7 bytes hold no header");
        Files.write(path, length(100).array());
        refuses(path, "is truncated: the header takes 100 bytes, the file has 8");
        Files.write(path, length(-1).array());
        refuses(
                path,
                "is no safetensors file: it announces a header of 18446744073709551615 bytes");
        Files.writeString(path, "version https://git-lfs.github.com/spec/v1");
        refuses(path, "is a Git LFS pointer, not the weights: fetch them with git lfs pull");
        Files.delete(path);
        refuses(path, ": no such file");
    }

    private void refuses(Path path, String message) {
        try (Arena arena = Arena.ofConfined()) {
            ModelLoadException e =
                    assertThrows(ModelLoadException.class, () -> SafetensorsFile.open(path, arena));
            String separator = message.startsWith(":") || message.startsWith(" ") ? "" : " ";
            assertEquals(path + separator + message, e.getMessage());
        }
    }

    /**
     * A file with this header, single quotes for double ones, and the F32 values 1, 2, … cut to so
     * many bytes.
     */
    private Path write(String header, int dataBytes) throws IOException {
        byte[] text = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(dataBytes + 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < dataBytes / 4; i++) {
            data.putFloat(i + 1);
        }
        ByteBuffer out = ByteBuffer.allocate(8 + text.length + dataBytes);
        out.put(length(text.length).flip()).put(text).put(data.array(), 0, dataBytes);
        Path path = folder.resolve("x.safetensors");
        Files.write(path, out.array());
        return path;
    }

    private static ByteBuffer length(long value) {
        return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value);
    }
}
