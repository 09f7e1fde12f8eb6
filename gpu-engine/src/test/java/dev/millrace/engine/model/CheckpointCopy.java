package dev.millrace.engine.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A golden checkpoint copied to where a test may damage it. */
record CheckpointCopy(Path dir) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static CheckpointCopy of(String golden, Path parent) {
        Path dir = parent.resolve(golden);
        try (Stream<Path> files = Files.list(Golden.root().resolve(golden))) {
            Files.createDirectories(dir);
            for (Path file :
                    files.filter(file -> !file.getFileName().toString().startsWith("golden"))
                            .toList()) {
                Files.copy(file, dir.resolve(file.getFileName()));
            }
            return new CheckpointCopy(dir);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path file(String name) {
        return dir.resolve(name);
    }

    CheckpointCopy edit(String jsonFile, Consumer<ObjectNode> change) {
        try {
            ObjectNode json = (ObjectNode) JSON.readTree(file(jsonFile).toFile());
            change.accept(json);
            Files.writeString(file(jsonFile), json.toString());
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    CheckpointCopy editConfig(Consumer<ObjectNode> change) {
        return edit("config.json", change);
    }

    /** Parses JSON, for values in {@link #edit}. */
    static JsonNode json(String text) {
        try {
            return JSON.readTree(text.replace('\'', '"'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Adds F32 tensors of shape [] to a safetensors file. */
    CheckpointCopy addScalars(String weightFile, Map<String, Float> scalars) {
        try {
            ByteBuffer in =
                    ByteBuffer.wrap(Files.readAllBytes(file(weightFile)))
                            .order(ByteOrder.LITTLE_ENDIAN);
            byte[] header = new byte[(int) in.getLong()];
            in.get(header);
            ObjectNode tensors = (ObjectNode) JSON.readTree(header);
            ByteBuffer data =
                    ByteBuffer.allocate(in.remaining() + 4 * scalars.size())
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .put(in);
            scalars.forEach(
                    (name, value) -> {
                        ObjectNode tensor = tensors.putObject(name).put("dtype", "F32");
                        tensor.putArray("shape");
                        tensor.putArray("data_offsets")
                                .add(data.position())
                                .add(data.position() + 4);
                        data.putFloat(value);
                    });
            header = JSON.writeValueAsBytes(tensors);
            ByteBuffer out =
                    ByteBuffer.allocate(8 + header.length + data.capacity())
                            .order(ByteOrder.LITTLE_ENDIAN);
            out.putLong(header.length).put(header).put(data.flip());
            Files.write(file(weightFile), out.array());
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Rewrites the header of a safetensors file as text; the data stays as it is. */
    CheckpointCopy editHeader(String weightFile, UnaryOperator<String> change) {
        try {
            byte[] bytes = Files.readAllBytes(file(weightFile));
            int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
            byte[] header =
                    change.apply(new String(bytes, 8, length, StandardCharsets.UTF_8))
                            .getBytes(StandardCharsets.UTF_8);
            ByteBuffer out =
                    ByteBuffer.allocate(8 + header.length + bytes.length - 8 - length)
                            .order(ByteOrder.LITTLE_ENDIAN);
            out.putLong(header.length)
                    .put(header)
                    .put(bytes, 8 + length, bytes.length - 8 - length);
            Files.write(file(weightFile), out.array());
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
