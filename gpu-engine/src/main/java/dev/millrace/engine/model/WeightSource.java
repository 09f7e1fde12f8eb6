package dev.millrace.engine.model;

import dev.millrace.engine.backend.WeightTensor;

/** Where a model's weights come from: a checkpoint, or random numbers for measurements. */
interface WeightSource {

    /** A matrix. */
    WeightTensor matrix(String name, int rows, int cols);

    /** A vector as F32. */
    float[] vector(String name, int length);

    /** Whether there is a tensor of this name. */
    boolean has(String name);

    /** A tensor of one element. */
    float scalar(String name);
}
