package dev.millrace.ops.bench;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Shapes of made-up models in the Llama architecture, with a vocabulary of 32,000. */
public enum Shape {
    TINY("tiny", 128, 2, 4, 2, 256),
    M110("110m", 768, 12, 12, 4, 2048),
    B1("1b", 2048, 22, 32, 4, 5632);

    static final int VOCABULARY = 32_000;

    private final String label;
    final int hidden;
    final int layers;
    final int heads;
    final int kvHeads;
    final int intermediate;

    Shape(String label, int hidden, int layers, int heads, int kvHeads, int intermediate) {
        this.label = label;
        this.hidden = hidden;
        this.layers = layers;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.intermediate = intermediate;
    }

    /** The shape of a name as the command line has it. */
    public static Shape of(String label) {
        return Arrays.stream(values())
                .filter(shape -> shape.label.equals(label.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "there is no shape "
                                                + label
                                                + "; choose one of "
                                                + Arrays.stream(values())
                                                        .map(Shape::label)
                                                        .collect(Collectors.joining(", "))));
    }

    public String label() {
        return label;
    }

    int headDim() {
        return hidden / heads;
    }
}
