package dev.millrace.engine.scheduler;

import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.sampling.SampleRow;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one step computes: entries of (sequence, first position, count), in the order of the running
 * sequences. Used again and again, its rows too, so that a step allocates nothing.
 */
public final class ScheduledStep {
    /** The row of an entry that chooses no token. */
    public static final int NO_ROW = -1;

    private final Sequence[] sequences;
    private final int[] starts;
    private final int[] counts;
    private final int[] rows;
    private final int[] drafted;
    private final int[] accepted;
    private final List<Sequence> admitted = new ArrayList<>();
    private final List<Sequence> preempted = new ArrayList<>();
    private final List<SampleRow> sampleRows = new ArrayList<>();
    private final List<SampleRow> spareRows = new ArrayList<>();
    private final int tokenBudget;
    private int size;
    private int numTokens;
    private int numChoosing;
    private long number;
    private Object handle;

    ScheduledStep(int maxNumBatchedTokens, int maxNumSeqs) {
        tokenBudget = maxNumBatchedTokens;
        sequences = new Sequence[maxNumSeqs];
        starts = new int[maxNumSeqs];
        counts = new int[maxNumSeqs];
        rows = new int[maxNumSeqs];
        drafted = new int[maxNumSeqs];
        accepted = new int[maxNumSeqs];
    }

    /** Steps are numbered from 1. */
    public long number() {
        return number;
    }

    public int size() {
        return size;
    }

    public boolean isEmpty() {
        return size == 0;
    }

    public int numTokens() {
        return numTokens;
    }

    public Sequence sequence(int i) {
        return sequences[i];
    }

    /** First position that entry i computes. */
    public int start(int i) {
        return starts[i];
    }

    public int count(int i) {
        return counts[i];
    }

    /** How many of entry i's tokens, its last ones, are guesses. */
    public int drafted(int i) {
        return drafted[i];
    }

    /** How many of entry i's guesses were right; known when the step is completed. */
    public int accepted(int i) {
        return accepted[i];
    }

    /**
     * Which of the step's rows chooses entry i's next token, or {@link #NO_ROW}; each guess has the
     * row behind it. Known when the step is filled.
     */
    public int row(int i) {
        return rows[i];
    }

    boolean choosesToken(int i) {
        return rows[i] != NO_ROW;
    }

    /** Entries that choose a token. */
    int numChoosing() {
        return numChoosing;
    }

    void accepted(int i, int count) {
        accepted[i] = count;
    }

    /** Sequences that came in with this step. */
    public List<Sequence> admitted() {
        return admitted;
    }

    /** Sequences whose blocks were taken back for this step. */
    public List<Sequence> preempted() {
        return preempted;
    }

    int budgetLeft() {
        return tokenBudget - numTokens;
    }

    void begin(long stepNumber) {
        Arrays.fill(sequences, 0, size, null);
        admitted.clear();
        preempted.clear();
        while (!sampleRows.isEmpty()) {
            spareRows.add(sampleRows.removeLast());
        }
        size = 0;
        numTokens = 0;
        numChoosing = 0;
        number = stepNumber;
    }

    void add(Sequence sequence, int count) {
        sequences[size] = sequence;
        starts[size] = sequence.numScheduled();
        counts[size] = count;
        drafted[size] = 0;
        accepted[size] = 0;
        boolean chooses = sequence.catchesUpAt(sequence.numScheduled() + count);
        rows[size] = chooses ? numChoosing++ : NO_ROW;
        size++;
        numTokens += count;
    }

    /** Lengthens entry i, which chooses a token, by its sequence's guesses. */
    void draft(int i, int count) {
        counts[i] += count;
        drafted[i] = count;
        numTokens += count;
    }

    /** The device's handle of the step, from its launch on. */
    Object handle() {
        return handle;
    }

    void launched(Object deviceHandle) {
        handle = deviceHandle;
    }

    /**
     * Writes the step as flat arrays, notes in its sequences that it is on its way, and returns its
     * rows.
     */
    List<SampleRow> fill(ForwardInput input, int blockSize) {
        input.numTokens = 0;
        input.numSeqs = size;
        input.numLogitRows = 0;
        input.cuSeqlensQ[0] = 0;
        for (int i = 0; i < size; i++) {
            fillSequence(input, i, blockSize);
        }
        for (int i = 0; i < size; i++) {
            sequences[i].scheduled(counts[i]);
            for (int guesses = 0; choosesToken(i) && guesses <= drafted[i]; guesses++) {
                sequences[i].setRow(nextRow(), guesses);
            }
            if (choosesToken(i)) {
                sequences[i].promise(rows[i]);
            }
        }
        return sampleRows;
    }

    private SampleRow nextRow() {
        SampleRow row = spareRows.isEmpty() ? new SampleRow() : spareRows.removeLast();
        sampleRows.add(row);
        return row;
    }

    private void fillSequence(ForwardInput input, int i, int blockSize) {
        Sequence sequence = sequences[i];
        int[] blocks = sequence.blocks().blocks();
        int end = starts[i] + counts[i];
        int t = input.numTokens;
        for (int position = starts[i]; position < end; position++, t++) {
            input.tokenIds[t] = sequence.tokenAt(position);
            input.positions[t] = position;
            input.slotMapping[t] = blocks[position / blockSize] * blockSize + position % blockSize;
        }
        input.numTokens = t;
        input.cuSeqlensQ[i + 1] = t;
        input.contextLens[i] = end;
        input.blockTables[i] = blocks;
        if (choosesToken(i)) {
            rows[i] = input.numLogitRows;
            for (int row = t - 1 - drafted[i]; row < t; row++) {
                input.logitRows[input.numLogitRows++] = row;
            }
        }
    }
}
