package dev.millrace.engine.speculation;

/**
 * When a guess is worth a row of the step. A step of n rows takes about {@code c0 + c1 * n}: the
 * weights are read once (c0), each row is computed (c1). Of R sequences that choose a token in the
 * step, each gets one token nearer to its end. A guess that is right saves its sequence one step,
 * so 1/R of a step's fixed cost, and its row would have been computed anyway; a wrong one costs a
 * row for nothing. With chance q it pays when
 *
 * <pre>
 * q * c0 / R  ≥  MARGIN * (1 - q) * c1,    that is    q ≥ R' / (R' + F),  R' = MARGIN * R,  F = c0 / c1.
 * </pre>
 *
 * <p>F is a property of the model and not a clock's reading, since what runs in a step decides the
 * last bits of its logits: equal submissions must give equal steps.
 *
 * @param fixedCostRows F: rows that cost as much as a step's fixed part
 */
public record LoadRule(double fixedCostRows) {
    /** A guess has to be worth this much more than it may cost. */
    static final double MARGIN = 2;

    /**
     * With more sequences than this times F not even perfect guesses gain much: nobody looks for
     * any.
     */
    private static final double BUSY = 6;

    /** Whether guesses can pay at all with so many sequences choosing. */
    public boolean mayPay(int choosing) {
        return choosing <= BUSY * fixedCostRows;
    }

    /** The chance that a guess needs to be worth its row. */
    public double leastChance(int choosing) {
        return MARGIN * choosing / (MARGIN * choosing + fixedCostRows);
    }
}
