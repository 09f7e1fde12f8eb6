package dev.millrace.engine.template;

/** What one rendering may use before it is stopped. One per rendering. */
final class RenderBudget {
    /** Longest text that may arise; far above any prompt that a model takes. */
    static final int MAX_CHARS = 1 << 26;
    /** Most items of a list that an operator makes. */
    static final int MAX_ITEMS = 1 << 20;
    /** Most items of a {@code range}, Jinja's own bound. */
    static final int MAX_RANGE = 100_000;
    /** Deepest nesting of macro calls and recursive loops. */
    static final int MAX_DEPTH = 200;
    /** Deepest nesting of expressions and blocks in a template's text. */
    static final int MAX_NESTING = 150;

    private final RenderLimits limits;
    private long chars;
    private long steps;
    private int depth;

    RenderBudget(RenderLimits limits) {
        this.limits = limits;
    }

    /** Counts written text, captured text included. */
    void write(int length) {
        chars += length;
        if (chars > limits.maxOutputChars()) {
            throw PyError.limit("the output exceeds " + limits.maxOutputChars() + " characters");
        }
    }

    /** Counts an iteration of a loop, a macro call or an item that a filter takes. */
    void step() {
        if (++steps > limits.maxSteps()) {
            throw PyError.limit("rendering takes more than " + limits.maxSteps() + " steps");
        }
    }

    void enter() {
        step();
        if (++depth > MAX_DEPTH) {
            throw PyError.limit("maximum recursion depth exceeded");
        }
    }

    void leave() {
        depth--;
    }
}
