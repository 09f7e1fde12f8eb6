package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.ActivationScheme;
import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;
import dev.millrace.engine.backend.cuda.CudaLinear.Format;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Brings matrices of a checkpoint into device memory. FP8 matrices stay as they are, with a scale
 * per channel (a scale per tensor is written once per channel) or per 128 x 128 block; what the
 * products cannot take becomes BF16.
 */
final class WeightPacker {
    private static final Logger LOG = LoggerFactory.getLogger(WeightPacker.class);
    private static final int BLOCK = 128;

    /** Rows start on 16 bytes in FP8 too. */
    private static final int COLUMN_MULTIPLE = 16;

    private final Kernels kernels;
    private final boolean quantize;
    private final Map<String, CudaLinear> tables = new HashMap<>();

    /**
     * @param quantize round unquantised linears to E4M3, a scale per output channel
     */
    WeightPacker(Kernels kernels, boolean quantize) {
        this.kernels = kernels;
        this.quantize = quantize;
    }

    /** A linear layer of stacked parts. */
    CudaLinear linear(List<WeightTensor> parts, float[] bias, ActivationScheme activations) {
        Format format = format(parts, activations);
        CudaLinear packed = pack(parts, format);
        long biasAddress = bias == null ? 0 : kernels.upload(bias);
        return new CudaLinear(
                packed.name(),
                format,
                packed.inFeatures(),
                packed.outFeatures(),
                packed.weights(),
                packed.scales(),
                biasAddress,
                inputRule(activations));
    }

    /** As {@link CudaLinear#inputRule} has it. */
    private static float inputRule(ActivationScheme activations) {
        return activations.staticScale() > 0
                ? -activations.staticScale()
                : activations.amaxBound();
    }

    /** The embedding or the head, in BF16; one copy where both are the same tensor. */
    CudaLinear table(WeightTensor table) {
        return tables.computeIfAbsent(table.name(), name -> pack(List.of(table), Format.BF16));
    }

    /** A matrix in F32: the router of experts. */
    CudaLinear f32(WeightTensor tensor) {
        float[] row = new float[tensor.cols()];
        float[] all = new float[tensor.rows() * tensor.cols()];
        for (int i = 0; i < tensor.rows(); i++) {
            WeightReader.readRow(tensor, i, row);
            System.arraycopy(row, 0, all, i * row.length, row.length);
        }
        return new CudaLinear(
                tensor.name(),
                Format.BF16,
                tensor.cols(),
                tensor.rows(),
                kernels.upload(all),
                0,
                0,
                0);
    }

    private Format format(List<WeightTensor> parts, ActivationScheme activations) {
        boolean allFp8 = parts.stream().allMatch(part -> part.dtype() == DType.F8_E4M3);
        if (!allFp8) {
            boolean plain = parts.stream().noneMatch(part -> part.dtype() == DType.F8_E4M3);
            return plain && quantize ? Format.FP8 : Format.BF16;
        }
        if (!activations.rounded()) {
            return Format.BF16;
        }
        if (parts.stream().allMatch(part -> part.scaleCols() >= part.cols())) {
            boolean byRowOrTensor =
                    parts.stream()
                            .allMatch(
                                    part ->
                                            part.scaleRows() == 1
                                                    || part.scaleRows() >= part.rows());
            return byRowOrTensor ? Format.FP8 : Format.BF16;
        }
        for (int i = 0; i < parts.size(); i++) {
            WeightTensor part = parts.get(i);
            boolean aligned = i == parts.size() - 1 || part.rows() % BLOCK == 0;
            if (part.scaleRows() != BLOCK || part.scaleCols() != BLOCK || !aligned) {
                LOG.warn(
                        "{}: scales of {} x {} blocks over {} rows are kept as BF16 weights:"
                            + " products take 128 x 128",
                        part.name(),
                        part.scaleRows(),
                        part.scaleCols(),
                        part.rows());
                return Format.BF16;
            }
        }
        return Format.FP8_BLOCK;
    }

    private CudaLinear pack(List<WeightTensor> parts, Format format) {
        WeightTensor first = parts.getFirst();
        int cols = first.cols();
        int rows = parts.stream().mapToInt(WeightTensor::rows).sum();
        if (cols % COLUMN_MULTIPLE != 0) {
            throw new IllegalArgumentException(
                    first.name()
                            + " has "
                            + cols
                            + " columns; the CUDA device needs a multiple of "
                            + COLUMN_MULTIPLE);
        }
        long bytes = (long) rows * cols * format.bytes();
        long weights = kernels.driver().allocate(bytes);
        float[] scales =
                new float
                        [format == Format.FP8_BLOCK
                                ? Math.ceilDiv(rows, BLOCK) * Math.ceilDiv(cols, BLOCK)
                                : rows];
        long scaleAddress =
                format == Format.BF16 ? 0 : kernels.driver().allocate(4L * scales.length);
        boolean scalesMade = false;
        int row = 0;
        int scale = 0;
        for (WeightTensor part : parts) {
            if (part.cols() != cols) {
                throw new IllegalArgumentException(
                        part.name() + " has " + part.cols() + " columns, not " + cols);
            }
            long to = weights + (long) row * cols * format.bytes();
            if (format == Format.BF16) {
                toBf16(part, to);
            } else if (part.dtype() == DType.F8_E4M3) {
                copy(part, to);
                scale = addScales(part, format, scales, scale);
                scalesMade = true;
            } else {
                quantized(part, to, scaleAddress + 4L * row);
            }
            row += part.rows();
        }
        if (scalesMade) {
            kernels.driver().free(scaleAddress);
            scaleAddress = kernels.upload(scales);
        }
        return new CudaLinear(first.name(), format, cols, rows, weights, scaleAddress, 0, 0);
    }

    private static int addScales(WeightTensor part, Format format, float[] scales, int first) {
        if (format == Format.FP8_BLOCK) {
            System.arraycopy(part.scales(), 0, scales, first, part.scales().length);
            return first + part.scales().length;
        }
        if (part.scaleRows() == 1) {
            System.arraycopy(part.scales(), 0, scales, first, part.rows());
        } else {
            Arrays.fill(scales, first, first + part.rows(), part.scales()[0]);
        }
        return first + part.rows();
    }

    private void copy(WeightTensor part, long to) {
        kernels.driver()
                .copyToDevice(
                        to,
                        part.data()
                                .asSlice(
                                        0,
                                        (long) part.rows() * part.cols() * part.dtype().bytes()));
        kernels.driver().synchronize();
    }

    private void toBf16(WeightTensor part, long to) {
        if (part.dtype() == DType.BF16) {
            copy(part, to);
            return;
        }
        long raw = raw(part);
        LaunchPlan rows = LaunchPlan.rows(part.rows());
        switch (part.dtype()) {
            case F16, F32 -> {
                kernels.args().pointer(raw).pointer(to).i32(part.cols());
                kernels.launch(
                        part.dtype() == DType.F16 ? "convert_f16_bf16" : "convert_f32_bf16", rows);
            }
            default -> {
                long scales = kernels.upload(part.scales());
                kernels.args()
                        .pointer(raw)
                        .pointer(scales)
                        .i32(part.scaleRows())
                        .i32(part.scaleCols())
                        .pointer(to)
                        .i32(part.cols());
                kernels.launch("dequantize_weight_fp8", rows);
                kernels.driver().synchronize();
                kernels.driver().free(scales);
            }
        }
        kernels.driver().synchronize();
        kernels.driver().free(raw);
    }

    private void quantized(WeightTensor part, long to, long scales) {
        long raw = raw(part);
        kernels.args().pointer(raw).pointer(to).pointer(scales).i32(part.cols());
        String type =
                switch (part.dtype()) {
                    case BF16 -> "bf16";
                    case F16 -> "f16";
                    default -> "f32";
                };
        kernels.launch("quantize_weight_" + type, LaunchPlan.reducedRows(part.rows()));
        kernels.driver().synchronize();
        kernels.driver().free(raw);
    }

    private long raw(WeightTensor part) {
        return kernels.upload(
                part.data().asSlice(0, (long) part.rows() * part.cols() * part.dtype().bytes()));
    }
}
