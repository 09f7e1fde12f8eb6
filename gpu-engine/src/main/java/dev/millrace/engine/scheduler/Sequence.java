package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.kvcache.BlockTable;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.Uniforms;
import dev.millrace.engine.structured.ConstrainedText;
import dev.millrace.engine.structured.TokenMask;

import java.util.Arrays;

/**
 * One choice of a request while it runs: its tokens and how far they are computed. Few facts, the
 * rest is derived:
 *
 * <pre>
 * numComputed  ≤  numScheduled  ≤  numTokens + max(numPromised, numDrafted)
 * completed steps  launched steps    known tokens + tokens that launched steps will choose
 * </pre>
 *
 * There are no phases: a sequence is computed until it has caught up with its tokens, then a token
 * is chosen.
 */
public final class Sequence implements Comparable<Sequence> {
    private static final long NOT_YET = -1;

    private final RequestState request;
    private final int choice;
    private final long arrival;
    private final int maxTotalTokens;
    private final BlockTable blocks = new BlockTable();
    private int[] tokens;
    private int numTokens;
    private int numComputed;
    private int numScheduled;
    private int numPromised;
    private int promisedRow;
    private int prefillEnd;
    private int seenTokens;
    private long admission = NOT_YET;

    /** Guesses that the step under way verifies; they lie behind the known tokens. */
    private int numDrafted;

    /** Null before the first guess is looked for. */
    private DraftState draftState;

    private SequenceStatus status = SequenceStatus.WAITING;

    /** Null for an answer of any form. */
    private ConstrainedText constraint;

    /**
     * @param choice index among the request's choices
     * @param arrival breaks ties of place; unique in the engine
     * @param maxTotalTokens most tokens of prompt and output together
     */
    Sequence(RequestState request, int choice, long arrival, int maxTotalTokens) {
        this.request = request;
        this.choice = choice;
        this.arrival = arrival;
        this.maxTotalTokens = maxTotalTokens;
        tokens = request.request().promptTokenIds();
        numTokens = tokens.length;
    }

    public RequestState request() {
        return request;
    }

    public SamplingParams params() {
        return request.request().sampling();
    }

    public int choice() {
        return choice;
    }

    long arrival() {
        return arrival;
    }

    void constrain(ConstrainedText text) {
        constraint = text;
    }

    /** Null for an answer of any form. */
    ConstrainedText constraint() {
        return constraint;
    }

    /** Whether it sits steps out, because the tokens that may come next take long to find. */
    boolean isHeld() {
        return constraint != null && constraint.isHeld();
    }

    public SequenceStatus status() {
        return status;
    }

    public BlockTable blocks() {
        return blocks;
    }

    /**
     * Prompt and output; valid up to {@link #numTokens()}. Shared with the request until the first
     * output.
     */
    public int[] tokens() {
        return tokens;
    }

    public int numTokens() {
        return numTokens;
    }

    public int numPromptTokens() {
        return request.request().promptTokenIds().length;
    }

    public int[] outputTokens() {
        return Arrays.copyOfRange(tokens, numPromptTokens(), numTokens);
    }

    public int numComputed() {
        return numComputed;
    }

    public int numScheduled() {
        return numScheduled;
    }

    boolean hasOutput() {
        return numTokens > numPromptTokens();
    }

    boolean isFull() {
        return numTokens >= maxTotalTokens;
    }

    /** Most tokens that it may still choose; none of its prompt's. */
    int maxNewTokens() {
        return maxTotalTokens - numPromptTokens();
    }

    /** Whether tokens known when it was admitted are still to be scheduled. */
    boolean isPrefilling() {
        return numScheduled < prefillEnd;
    }

    /** Of the tokens known when it was admitted, those still to be scheduled. */
    int prefillLeft() {
        return Math.min(numUncomputed(), prefillEnd - numScheduled);
    }

    /** Leading prompt tokens that an unbounded cache would have held. */
    int seenTokens() {
        return seenTokens;
    }

    void seen(int prefixTokens) {
        seenTokens = prefixTokens;
    }

    /** Tokens that could be computed next. The very last token of a sequence never needs to be. */
    int numUncomputed() {
        if (isHeld()) {
            return 0;
        }
        int available = numTokens + (mayRunAhead() ? numPromised : 0);
        return Math.min(available, maxTotalTokens - 1) - numScheduled;
    }

    /** Whether computing up to {@code end} makes the next token known. */
    boolean catchesUpAt(int end) {
        return end == numTokens + numPromised;
    }

    /** The token at a position; -1 - r for one that row r of the step before will choose. */
    int tokenAt(int position) {
        return position < numTokens + numDrafted ? tokens[position] : -1 - promisedRow;
    }

    /**
     * Says how to choose the next token, given that all tokens so far are computed.
     *
     * @param guesses how many guesses count as tokens
     */
    void setRow(SampleRow row, int guesses) {
        int known = numTokens + guesses;
        double uniform =
                params().isGreedy() ? 0 : Uniforms.at(params().seed(), choice, known + numPromised);
        TokenMask mask = constraint == null ? null : constraint.mask();
        row.set(params(), tokens, numPromptTokens(), known, uniform, mask);
    }

    DraftState draftState() {
        return draftState;
    }

    DraftState startDraftState(int mostTokens) {
        if (draftState == null) {
            draftState = new DraftState(mostTokens);
        }
        return draftState;
    }

    /** How many guesses could be of use. The very last token of a sequence is never computed. */
    int maxDraftTokens() {
        return maxTotalTokens - 1 - numTokens;
    }

    /** Puts the first {@code count} guesses behind the known tokens. */
    void draft(int[] guess, int count) {
        makeRoom(count);
        System.arraycopy(guess, 0, tokens, numTokens, count);
        numDrafted = count;
    }

    /** Forgets what was not accepted: it has to be computed again, over what was stored for it. */
    void dropDrafts() {
        numDrafted = 0;
        numScheduled = numComputed;
    }

    /**
     * @param number counts the admissions of the engine
     */
    void admit(int prefixHitTokens, long number) {
        become(SequenceStatus.RUNNING);
        numComputed = prefixHitTokens;
        numScheduled = prefixHitTokens;
        prefillEnd = numTokens;
        admission = admission == NOT_YET ? number : admission;
    }

    boolean wasAdmitted() {
        return admission != NOT_YET;
    }

    void preempt() {
        become(SequenceStatus.WAITING);
        numComputed = 0;
        numScheduled = 0;
    }

    void become(SequenceStatus next) {
        if (!status.mayBecome(next)) {
            throw new IllegalStateException("a sequence cannot go from " + status + " to " + next);
        }
        status = next;
    }

    void scheduled(int count) {
        numScheduled += count;
    }

    /** A launched step will choose a token at its row {@code row}. */
    void promise(int row) {
        numPromised++;
        promisedRow = row;
    }

    void computed(int end) {
        numComputed = end;
    }

    /** A step is about to deliver the token that it promised. */
    void promiseKept() {
        numPromised--;
    }

    void append(int token) {
        force(token);
    }

    /** A token that another engine has chosen. */
    void resume(int token) {
        force(token);
    }

    /** A token that follows without having been chosen: the next step computes it as a known one. */
    void force(int token) {
        makeRoom(1);
        tokens[numTokens++] = token;
    }

    private void makeRoom(int count) {
        if (numTokens + count > tokens.length) {
            int room = Math.min(maxTotalTokens, numTokens + Math.max(16, numTokens / 2));
            tokens = Arrays.copyOf(tokens, Math.max(room, numTokens + count));
        }
    }

    /**
     * Penalties and constraints read the tokens so far, so the next step has to wait until they are
     * known to the host.
     */
    private boolean mayRunAhead() {
        return constraint == null
                && params().repetitionPenalty() == 1
                && params().presencePenalty() == 0
                && params().frequencyPenalty() == 0;
    }

    /**
     * Higher priority first, then earlier first admission: the order of running sequences, and
     * backwards that of preemption.
     */
    @Override
    public int compareTo(Sequence other) {
        int byPriority =
                Integer.compare(other.request.request().priority(), request.request().priority());
        return byPriority != 0 ? byPriority : Long.compare(admission, other.admission);
    }
}
