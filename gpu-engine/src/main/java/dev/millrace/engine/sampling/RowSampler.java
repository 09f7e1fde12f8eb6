package dev.millrace.engine.sampling;

/** Chooses a token from the logits of one row. */
@FunctionalInterface
public interface RowSampler {

    /**
     * @param logits [vocabulary], may be longer; the sampler may change them
     * @param vocabSize how many entries count
     */
    SampledToken sample(float[] logits, int vocabSize, SampleRow row);
}
