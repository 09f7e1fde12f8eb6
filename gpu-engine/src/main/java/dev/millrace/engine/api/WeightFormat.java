package dev.millrace.engine.api;

/** What the linear layers of a host device multiply in. */
public enum WeightFormat {
    /** As the checkpoint has them: BF16 (also for F16 and FP8 checkpoints), F32 for F32 ones. */
    BF16,
    /**
     * Weights in 8 bits with a scale per output channel, activations in 8 bits with one per token.
     */
    INT8
}
