package dev.millrace.engine.model;

import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The weights of a Hugging Face folder: model.safetensors, or the files that
 * model.safetensors.index.json names. Hands out matrices with their FP8 scales resolved; they are
 * valid until the checkpoint is closed.
 */
public final class Checkpoint implements WeightSource, AutoCloseable {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    private final Arena arena;
    private final QuantizationConfig quantization;
    private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
    private final Map<String, SafetensorsFile> fileOfTensor = new HashMap<>();
    private final Set<String> used = new HashSet<>();

    private Checkpoint(Arena arena, QuantizationConfig quantization) {
        this.arena = arena;
        this.quantization = quantization;
    }

    /**
     * Maps the files of a folder.
     *
     * @param quantization null for an unquantised checkpoint
     * @throws ModelLoadException if a file is missing or damaged
     */
    public static Checkpoint open(Path modelDir, QuantizationConfig quantization) {
        Checkpoint checkpoint = new Checkpoint(Arena.ofShared(), quantization);
        try {
            checkpoint.map(modelDir);
            return checkpoint;
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    /**
     * A matrix.
     *
     * @throws ModelLoadException if it is missing or has another shape or an unsupported dtype
     */
    @Override
    public WeightTensor matrix(String name, int rows, int cols) {
        SafetensorsFile.Tensor tensor = tensor(name);
        DType dtype = dtypeOf(tensor);
        if (!Arrays.equals(tensor.shape(), new long[] {rows, cols})) {
            throw wrongShape(tensor, "[" + rows + ", " + cols + "]");
        }
        WeightTensor matrix =
                new WeightTensor(name, dtype, rows, cols, tensor.data(), null, 1, cols);
        return dtype == DType.F8_E4M3 ? scaled(matrix) : matrix;
    }

    /** A vector as F32; errors as in {@link #matrix}. */
    @Override
    public float[] vector(String name, int length) {
        SafetensorsFile.Tensor tensor = tensor(name);
        if (!Arrays.equals(tensor.shape(), new long[] {length})) {
            throw wrongShape(tensor, "[" + length + "]");
        }
        return values(tensor, length);
    }

    /** Whether there is a tensor of this name. */
    @Override
    public boolean has(String name) {
        return fileOfTensor.containsKey(name);
    }

    /** A tensor of one element; errors as in {@link #matrix}. */
    @Override
    public float scalar(String name) {
        SafetensorsFile.Tensor tensor = tensor(name);
        if (Arrays.stream(tensor.shape()).anyMatch(size -> size != 1)) {
            throw wrongShape(tensor, "[] or [1]");
        }
        return values(tensor, 1)[0];
    }

    /** Names of tensors that nobody has asked for, in order. */
    public List<String> unused() {
        return fileOfTensor.keySet().stream()
                .filter(name -> !used.contains(name))
                .sorted()
                .toList();
    }

    /** The mapped files. */
    Collection<SafetensorsFile> files() {
        return files.values();
    }

    /** Where a tensor lies, for messages. */
    Path fileOf(String name) {
        return fileOfTensor.get(name).path();
    }

    @Override
    public void close() {
        arena.close();
    }

    private void map(Path modelDir) {
        if (Files.exists(modelDir.resolve(SINGLE))) {
            SafetensorsFile file = file(modelDir, SINGLE);
            file.tensors().keySet().forEach(name -> fileOfTensor.put(name, file));
        } else if (Files.exists(modelDir.resolve(INDEX))) {
            mapShards(modelDir);
        } else {
            throw new ModelLoadException(
                    modelDir
                            + ": holds neither "
                            + SINGLE
                            + " nor "
                            + INDEX
                            + "; it holds "
                            + listing(modelDir));
        }
    }

    private void mapShards(Path modelDir) {
        JsonFields weightMap = JsonFields.read(modelDir.resolve(INDEX)).object("weight_map");
        for (String name : weightMap.names()) {
            String fileName = weightMap.text(name);
            if (fileName.isEmpty() || fileName.contains("/") || fileName.contains("\\")) {
                throw weightMap.problem(name, "must name a file beside the index, not " + fileName);
            }
            if (!Files.exists(modelDir.resolve(fileName))) {
                throw weightMap.problem(name, "names " + fileName + ", which is missing");
            }
            SafetensorsFile file = file(modelDir, fileName);
            if (!file.tensors().containsKey(name)) {
                throw weightMap.problem(
                        name, "names " + fileName + ", which does not hold this tensor");
            }
            fileOfTensor.put(name, file);
        }
    }

    private SafetensorsFile file(Path modelDir, String fileName) {
        return files.computeIfAbsent(
                fileName, missing -> SafetensorsFile.open(modelDir.resolve(missing), arena));
    }

    private SafetensorsFile.Tensor tensor(String name) {
        SafetensorsFile file = fileOfTensor.get(name);
        if (file == null) {
            throw new ModelLoadException(
                    "tensor "
                            + name
                            + " is missing from "
                            + files.values().stream()
                                    .map(mapped -> mapped.path().toString())
                                    .collect(Collectors.joining(", ")));
        }
        used.add(name);
        return file.tensors().get(name);
    }

    /**
     * Adds the scales of an FP8 matrix; values are element × scale under either of the two names.
     */
    private WeightTensor scaled(WeightTensor matrix) {
        if (quantization == null) {
            throw new ModelLoadException(
                    fileOf(matrix.name())
                            + ": tensor "
                            + matrix.name()
                            + " is F8_E4M3, but config.json has no quantization_config");
        }
        String multiplier = matrix.name() + "_scale_inv"; // despite its name
        SafetensorsFile.Tensor scale =
                tensor(
                        fileOfTensor.containsKey(multiplier)
                                ? multiplier
                                : matrix.name() + "_scale");
        boolean single = Arrays.stream(scale.shape()).allMatch(size -> size == 1);
        if (quantization.blockRows() > 0 && !single) {
            return scaledByBlock(matrix, scale);
        }
        int rows = matrix.rows();
        if (single) {
            return withScales(matrix, values(scale, 1), rows, matrix.cols());
        }
        if (!Arrays.equals(scale.shape(), new long[] {rows})
                && !Arrays.equals(scale.shape(), new long[] {rows, 1})) {
            throw wrongShape(scale, "[], [1], [" + rows + "] or [" + rows + ", 1]");
        }
        return withScales(matrix, values(scale, rows), 1, matrix.cols());
    }

    private WeightTensor scaledByBlock(WeightTensor matrix, SafetensorsFile.Tensor scale) {
        int down = Math.ceilDiv(matrix.rows(), quantization.blockRows());
        int across = Math.ceilDiv(matrix.cols(), quantization.blockCols());
        if (!Arrays.equals(scale.shape(), new long[] {down, across})) {
            throw wrongShape(scale, "[" + down + ", " + across + "]");
        }
        return withScales(
                matrix,
                values(scale, down * across),
                quantization.blockRows(),
                quantization.blockCols());
    }

    private static WeightTensor withScales(
            WeightTensor matrix, float[] scales, int scaleRows, int scaleCols) {
        return new WeightTensor(
                matrix.name(),
                matrix.dtype(),
                matrix.rows(),
                matrix.cols(),
                matrix.data(),
                scales,
                scaleRows,
                scaleCols);
    }

    private float[] values(SafetensorsFile.Tensor tensor, int count) {
        float[] values = new float[count];
        WeightReader.readElements(tensor.data(), dtypeOf(tensor), 0, count, values);
        return values;
    }

    private DType dtypeOf(SafetensorsFile.Tensor tensor) {
        return switch (tensor.dtype()) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            case "F8_E4M3" -> DType.F8_E4M3;
            default ->
                    throw new ModelLoadException(
                            fileOf(tensor.name())
                                    + ": tensor "
                                    + tensor.name()
                                    + " is "
                                    + tensor.dtype()
                                    + ", which is not supported; supported are F32, F16, BF16,"
                                    + " F8_E4M3");
        };
    }

    private ModelLoadException wrongShape(SafetensorsFile.Tensor tensor, String expected) {
        return new ModelLoadException(
                fileOf(tensor.name())
                        + ": tensor "
                        + tensor.name()
                        + " has shape "
                        + tensor.shapeText()
                        + ", not "
                        + expected);
    }

    private static String listing(Path modelDir) {
        try (Stream<Path> entries = Files.list(modelDir)) {
            String names =
                    entries.map(entry -> entry.getFileName().toString())
                            .sorted()
                            .collect(Collectors.joining(", "));
            return names.isEmpty() ? "nothing" : names;
        } catch (IOException e) {
            throw new ModelLoadException(modelDir + ": cannot be listed: " + e.getMessage(), e);
        }
    }
}
