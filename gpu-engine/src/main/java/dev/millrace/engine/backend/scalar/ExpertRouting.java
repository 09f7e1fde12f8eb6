package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.Experts;
import java.util.stream.IntStream;

/**
 * The experts that a token is sent to, heaviest first, of equal ones the lower index first.
 *
 * @param weights softmax over all experts, of the chosen ones; made to sum to one if the model wants it
 */
record ExpertRouting(int[] experts, double[] weights) {

    static ExpertRouting of(float[] routerLogits, Experts block) {
        double[] shares = new double[routerLogits.length];
        for (int e = 0; e < shares.length; e++) {
            shares[e] = routerLogits[e];
        }
        ScalarBackend.softmax(shares);
        int[] chosen = IntStream.range(0, shares.length).boxed()
                .sorted((a, b) -> Double.compare(shares[b], shares[a])) // the sort is stable
                .limit(block.expertsPerToken()).mapToInt(Integer::intValue).toArray();
        double sum = block.renormalise() ? IntStream.of(chosen).mapToDouble(e -> shares[e]).sum() : 1;
        return new ExpertRouting(chosen, IntStream.of(chosen).mapToDouble(e -> shares[e] / sum).toArray());
    }
}
