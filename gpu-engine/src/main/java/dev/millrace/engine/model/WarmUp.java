package dev.millrace.engine.model;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.SampleRow;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.LongSupplier;

/**
 * Small steps that are run before the first real one, so that the loops of a host device are
 * compiled by then. Until HotSpot has compiled a Vector API loop it runs two orders of magnitude
 * slower, and a backlog's first step is the largest there is: small steps reach the compiler's
 * thresholds at a hundredth of the cost. What they write into the KV cache belongs to no sequence
 * and is overwritten.
 *
 * <p>A round takes the ways that a batch takes: a chunk of a prompt, a step of several sequences that
 * share a prefix, a sequence alone; greedy and sampled tokens. The prefix itself is never computed:
 * its keys are the zeros of an empty cache.
 */
final class WarmUp {
    /** Enough for attention to treat a prefix as shared; see the cpu device's prefix groups. */
    static final int SHARED_TOKENS = 64;

    static final int OWN_TOKENS = 12;
    private static final int SHARERS = 3;
    private static final int TOKENS = SHARED_TOKENS + OWN_TOKENS;

    /** Most rounds; the compiler's last thresholds are passed by then. */
    static final int MAX_ROUNDS = 40;

    /**
     * Rounds in a row that are about as fast as the fastest: compiled. Half-compiled code is steady for
     * fewer.
     */
    private static final int STEADY_ROUNDS = 12;

    private static final double STEADY = 1.3;

    private final ModelExecutor model;
    private final LongSupplier nanoTime;
    private final ForwardInput input;
    private final int[] tokens = new int[TOKENS + 1];
    private final int blockSize;

    private WarmUp(ModelExecutor model, LongSupplier nanoTime) {
        this.model = model;
        this.nanoTime = nanoTime;
        blockSize = model.kvLayout().blockSize();
        input = new ForwardInput(OWN_TOKENS, SHARERS);
        Random random = new Random(1);
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = random.nextInt(model.vocabSize());
        }
    }

    /**
     * Runs rounds until they are fast, or the time is up.
     *
     * @param maxNumBatchedTokens most tokens that a step of this model may have
     * @param maxNanos no round begins after this time
     * @return rounds run; 0 for a model too small for them
     */
    static int run(
            ModelExecutor model, int maxNumBatchedTokens, LongSupplier nanoTime, long maxNanos) {
        KvLayout kv = model.kvLayout();
        boolean fits =
                maxNumBatchedTokens >= OWN_TOKENS
                        && model.maxModelLen() > TOKENS
                        && kv.numBlocks() >= numBlocks(kv.blockSize());
        return fits ? new WarmUp(model, nanoTime).rounds(maxNanos) : 0;
    }

    /** The shared blocks, and for each sharer those of its own tokens. */
    private static int numBlocks(int blockSize) {
        return SHARED_TOKENS / blockSize + SHARERS * (OWN_TOKENS / blockSize + 2);
    }

    private int rounds(long maxNanos) {
        long start = nanoTime.getAsLong();
        long fastest = Long.MAX_VALUE;
        int steady = 0;
        int rounds = 0;
        for (long began = start; rounds < MAX_ROUNDS && began - start < maxNanos; rounds++) {
            round();
            long now = nanoTime.getAsLong();
            double ratio = (double) (now - began) / fastest;
            steady = ratio >= 1 / STEADY && ratio <= STEADY ? steady + 1 : 0;
            fastest = Math.min(fastest, now - began);
            if (steady == STEADY_ROUNDS) {
                return rounds + 1;
            }
            began = now;
        }
        return rounds;
    }

    private void round() {
        step(1, SHARED_TOKENS, OWN_TOKENS);
        step(SHARERS, TOKENS, 1);
        step(1, TOKENS, 1);
    }

    /** One step of {@code sequences} with {@code count} new tokens each after {@code start}. */
    private void step(int sequences, int start, int count) {
        input.numTokens = 0;
        input.numSeqs = sequences;
        input.numLogitRows = 0;
        for (int s = 0; s < sequences; s++) {
            int[] table = blockTable(s, start + count);
            for (int position = start; position < start + count; position++) {
                int t = input.numTokens++;
                input.tokenIds[t] = tokens[position];
                input.positions[t] = position;
                input.slotMapping[t] = model.kvLayout().slot(table[position / blockSize], position);
            }
            input.cuSeqlensQ[s + 1] = input.numTokens;
            input.contextLens[s] = start + count;
            input.blockTables[s] = table;
            input.logitRows[input.numLogitRows++] = input.numTokens - 1;
        }
        model.complete(model.launch(input, sampleRows(sequences, start + count)));
    }

    /** Sequences have the blocks of the shared tokens in common and the others to themselves. */
    private int[] blockTable(int sequence, int numTokens) {
        int shared = SHARED_TOKENS / blockSize;
        int[] table = new int[(numTokens + blockSize - 1) / blockSize];
        for (int i = 0; i < table.length; i++) {
            table[i] = i < shared ? i : i + sequence * (OWN_TOKENS / blockSize + 2);
        }
        return table;
    }

    private List<SampleRow> sampleRows(int count, int numTokens) {
        SampleRow greedy = row(0, numTokens);
        SampleRow sampled = row(1, numTokens);
        return count == 1 ? List.of(sampled) : List.of(greedy, sampled, greedy).subList(0, count);
    }

    private SampleRow row(double temperature, int numTokens) {
        SamplingParams params =
                new SamplingParams(
                        1, temperature, 0.9, 0, 0, 1, 0, 0, Map.of(), -1, List.of(), List.of(), 1, 0,
                        true, true);
        return new SampleRow(params, tokens, numTokens, numTokens, 0.5);
    }
}
