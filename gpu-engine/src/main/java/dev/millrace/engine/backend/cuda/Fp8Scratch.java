package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.cuda.CudaLinear.Format;

/**
 * The FP8 form of one activation buffer: what the next linear reads. Each form is read by the
 * linear right behind its writer, so that one place serves all.
 */
final class Fp8Scratch {
    private static final int BLOCK = 128;

    /** Products want rows in multiples of this, and scales of blocks a column of so many. */
    private static final int ROW_MULTIPLE = 4;

    private final Kernels kernels;
    private final long values;
    private final long scales;
    private CudaBuffer owner;
    private Format format;
    private float inputRule;
    private int rows;

    Fp8Scratch(Kernels kernels, int maxRows, int maxCols) {
        this.kernels = kernels;
        int padded = maxRows + CudaBuffer.ROW_GRANULE;
        values = kernels.zeros((long) padded * maxCols);
        scales = kernels.zeros(4L * padded * Math.ceilDiv(maxCols, BLOCK));
    }

    /** The part of a kernel's name that tells what it writes. */
    static String suffix(CudaLinear reader) {
        return switch (reader == null ? Format.BF16 : reader.format()) {
            case BF16 -> "bf16";
            case FP8 -> "fp8";
            case FP8_BLOCK -> "fp8_block";
        };
    }

    long values() {
        return values;
    }

    long scales() {
        return scales;
    }

    /** Rows of a column of block scales. */
    int stride() {
        return Math.ceilDiv(rows, ROW_MULTIPLE) * ROW_MULTIPLE;
    }

    /**
     * Notes that a kernel will write the reader's form of a buffer here, and not the buffer itself.
     */
    Fp8Scratch fill(CudaBuffer buffer, CudaLinear reader, int numRows) {
        owner = buffer;
        format = reader.format();
        inputRule = reader.inputRule();
        rows = numRows;
        buffer.holdsValues = false;
        return this;
    }

    /** Appends where to write elements and scales. */
    KernelArgs appendTo(KernelArgs args) {
        return args.pointer(values).pointer(scales);
    }

    /** Whether the reader's input lies here. */
    boolean holds(CudaBuffer buffer, CudaLinear reader, int numRows) {
        return owner == buffer
                && format == reader.format()
                && inputRule == reader.inputRule()
                && rows == numRows;
    }

    /** Writes the reader's form of a BF16 buffer. */
    void quantize(CudaBuffer buffer, CudaLinear reader, int numRows) {
        if (!buffer.holdsValues) {
            throw new IllegalStateException(
                    reader + " reads a buffer that was written for another layer");
        }
        fill(buffer, reader, numRows);
        buffer.holdsValues = true;
        KernelArgs args = appendTo(kernels.args().pointer(buffer.address()));
        if (format == Format.FP8) {
            args.i32(buffer.cols()).f32(inputRule);
            kernels.launch("quantize_fp8", LaunchPlan.reducedRows(rows));
        } else {
            args.i32(stride()).i32(buffer.cols());
            kernels.launch("quantize_fp8_block", LaunchPlan.rows(rows));
        }
    }

    /** The buffer gets new values. */
    void forget(CudaBuffer buffer) {
        owner = owner == buffer ? null : owner;
    }
}
