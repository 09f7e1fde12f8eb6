package dev.millrace.engine.sampling;

/** Chooses one token from one row of logits. The seam between a host-side model and {@link Sampler}. */
@FunctionalInterface
public interface RowSampler {

    /**
     * @param logits at least vocabulary-size values; read only, valid during the call
     * @return the chosen token; {@link SampledToken#INVALID} as its id when the logits hold no usable number
     */
    SampledToken sample(float[] logits, SampleRow row);
}
