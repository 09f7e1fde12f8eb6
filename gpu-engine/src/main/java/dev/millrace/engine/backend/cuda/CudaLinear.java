package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Linear;

/**
 * A linear layer in device memory: weights [outFeatures, inFeatures], row-major.
 *
 * @param name of its first part, for messages
 * @param weights address of the elements
 * @param scales address of f32 scales: FP8 per output channel [outFeatures]; FP8_BLOCK [ceil(out /
 *     128), ceil(in / 128)]
 * @param bias address of f32 [outFeatures], or 0
 * @param inputRule how its FP8 input is scaled, as the kernels take it: above 0 the largest
 *     magnitude that a token's scale is made for, 0 no bound, below 0 minus the scale of all tokens
 */
record CudaLinear(
        String name,
        Format format,
        int inFeatures,
        int outFeatures,
        long weights,
        long scales,
        long bias,
        float inputRule)
        implements Linear {

    /** How weights are kept, and with them what their input must be. */
    enum Format {
        /** BF16 weights and input. */
        BF16(2),
        /** E4M3 weights with a scale per output channel; E4M3 input with a scale per token. */
        FP8(1),
        /**
         * E4M3 weights with a scale per 128 x 128 block; E4M3 input with a scale per token and 128
         * columns.
         */
        FP8_BLOCK(1);

        private final int bytes;

        Format(int bytes) {
            this.bytes = bytes;
        }

        int bytes() {
            return bytes;
        }
    }

    /** Names the layer with its shape. */
    @Override
    public String toString() {
        return name + " " + format + " [" + outFeatures + ", " + inFeatures + "]";
    }
}
