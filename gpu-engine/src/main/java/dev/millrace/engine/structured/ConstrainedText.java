package dev.millrace.engine.structured;

/**
 * The text of one sequence under its constraint: the state it has come to, and which tokens may
 * follow. Used by the engine's thread alone.
 */
public final class ConstrainedText {
    private final Constraints constraints;
    private final Automaton automaton;
    private Node state;
    private TokenMask mask;

    ConstrainedText(Constraints constraints, Automaton automaton, Node start) {
        this.constraints = constraints;
        this.automaton = automaton;
        state = start;
        mask = automaton.mask(state);
    }

    /** Another text that has come as far as this one. */
    public ConstrainedText copy() {
        return new ConstrainedText(constraints, automaton, state);
    }

    /** The tokens that may come next. */
    public TokenMask mask() {
        return mask;
    }

    /** Whether a step should leave the sequence out, for its mask takes a long walk. */
    public boolean isHeld() {
        return mask.isFarOff();
    }

    /** Waits for the mask. */
    public void await() {
        mask.bits();
    }

    /**
     * Takes a token that was chosen.
     *
     * @throws IllegalStateException if it is not allowed
     */
    public void accept(int token) {
        if (!constraints.isEos(token)) {
            state = automaton.after(state, token);
            mask = automaton.mask(state);
        }
    }

    /** Takes tokens that another engine has chosen under the same constraint. */
    public void replay(int[] tokens) {
        for (int token : tokens) {
            state = automaton.after(state, token);
        }
        mask = automaton.mask(state);
    }

    /**
     * The tokens that follow without a choice, the one that ends the text included; none as a rule.
     */
    public int[] forced() {
        return automaton.forced(state);
    }
}
