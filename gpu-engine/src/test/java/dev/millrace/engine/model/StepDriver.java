package dev.millrace.engine.model;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.sampling.RowSampler;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Runs sequences through a model step by step, without scheduler or cache policy: chunk sizes come
 * from the test, blocks are handed out in a shuffled order, and the logits of every position are
 * kept.
 */
final class StepDriver {
    private static final SamplingParams GREEDY_TOP_5 =
            new SamplingParams(
                    1, 0, 1, 0, 0, 1, 0, 0, Map.of(), 5, List.of(), List.of(), 1, 0, false, true);

    private final ModelExecutor model;
    private final Recorder recorder;
    private final List<Integer> freeBlocks;
    private final ForwardInput input;

    /** A sampler that keeps the logits it is shown. */
    static final class Recorder implements RowSampler {
        private final RowSampler sampler;
        private final List<float[]> logits = new ArrayList<>();

        Recorder(RowSampler sampler) {
            this.sampler = sampler;
        }

        @Override
        public SampledToken sample(float[] row, SampleRow how) {
            logits.add(row.clone());
            return sampler.sample(row, how);
        }
    }

    /** A prompt and what the model made of it. */
    static final class Sequence {
        final int promptTokens;
        final int[] tokens;
        final List<float[]> logits = new ArrayList<>();
        final List<SampledToken> sampled = new ArrayList<>();
        private final int[] blockTable;
        private int numTokens;
        private int computed;
        private int query;

        private Sequence(int[] prompt, int maxNewTokens, int blockSize) {
            promptTokens = prompt.length;
            numTokens = prompt.length;
            tokens = Arrays.copyOf(prompt, prompt.length + maxNewTokens);
            blockTable = new int[Math.ceilDiv(tokens.length, blockSize)];
        }

        int[] generated() {
            return Arrays.copyOfRange(tokens, promptTokens, tokens.length);
        }

        private boolean isFinished() {
            return numTokens == tokens.length;
        }
    }

    StepDriver(
            ModelExecutor model,
            Recorder recorder,
            int maxNumBatchedTokens,
            int maxNumSeqs,
            Random random) {
        this.model = model;
        this.recorder = recorder;
        input = new ForwardInput(maxNumBatchedTokens, maxNumSeqs);
        freeBlocks =
                new ArrayList<>(IntStream.range(0, model.kvLayout().numBlocks()).boxed().toList());
        Collections.shuffle(freeBlocks, random);
    }

    /** A sequence with blocks for all of it. */
    Sequence sequence(int[] prompt, int maxNewTokens) {
        Sequence sequence = new Sequence(prompt, maxNewTokens, model.kvLayout().blockSize());
        Arrays.setAll(sequence.blockTable, i -> freeBlocks.removeLast());
        return sequence;
    }

    /**
     * Runs all sequences to their ends, together.
     *
     * @param chunk tokens to compute of at most so many; may be 0, which leaves a sequence out of
     *     the step
     */
    void run(List<Sequence> sequences, IntUnaryOperator chunk) {
        List<Sequence> running = new ArrayList<>(sequences);
        while (!running.isEmpty()) {
            step(running, chunk);
            running.removeIf(Sequence::isFinished);
        }
    }

    private void step(List<Sequence> running, IntUnaryOperator chunk) {
        input.numTokens = 0;
        input.numSeqs = 0;
        List<Sequence> scheduled = new ArrayList<>();
        for (Sequence sequence : running) {
            int room =
                    Math.min(
                            input.tokenIds.length - input.numTokens,
                            sequence.numTokens - sequence.computed);
            sequence.query = room == 0 ? 0 : chunk.applyAsInt(room);
            if (sequence.query > 0) {
                scheduled.add(sequence);
                schedule(sequence);
            }
        }
        if (scheduled.isEmpty()) {
            return;
        }
        input.numLogitRows = input.numTokens;
        List<SampleRow> rows = new ArrayList<>();
        for (int t = 0; t < input.numTokens; t++) {
            input.logitRows[t] = t;
            rows.add(new SampleRow(GREEDY_TOP_5, new int[] {input.tokenIds[t]}, 1, 1, 0));
        }
        recorder.logits.clear();
        List<SampledToken> sampled = model.complete(model.launch(input, rows));
        for (int s = 0; s < scheduled.size(); s++) {
            apply(scheduled.get(s), sampled, input.cuSeqlensQ[s], input.cuSeqlensQ[s + 1]);
        }
    }

    private void schedule(Sequence sequence) {
        for (int i = 0; i < sequence.query; i++) {
            int position = sequence.computed + i;
            int t = input.numTokens++;
            input.tokenIds[t] = sequence.tokens[position];
            input.positions[t] = position;
            input.slotMapping[t] =
                    model.kvLayout()
                            .slot(
                                    sequence.blockTable[position / model.kvLayout().blockSize()],
                                    position);
        }
        input.contextLens[input.numSeqs] = sequence.computed + sequence.query;
        input.blockTables[input.numSeqs] = sequence.blockTable;
        input.cuSeqlensQ[++input.numSeqs] = input.numTokens;
    }

    private void apply(Sequence sequence, List<SampledToken> sampled, int first, int end) {
        sequence.logits.addAll(recorder.logits.subList(first, end));
        sequence.computed += end - first;
        if (sequence.computed == sequence.numTokens) {
            SampledToken token = sampled.get(end - 1);
            sequence.sampled.add(token);
            sequence.tokens[sequence.numTokens++] = token.tokenId();
        }
    }
}
