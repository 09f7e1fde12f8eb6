package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.sampling.SampleRow;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What the sampling kernels read of some rows, packed: addresses are valid after {@link #upload}.
 */
final class SamplingTables {
    private final PackedUpload upload;
    private final int vocabSize;

    long logitRows;
    long temperature;
    long topK;
    long topP;
    long minP;
    long uniform;
    long biasStart;
    long biasTokens;
    long biasValues;
    long historyStart;
    long historyTokens;
    long historyCounts;
    long lateRow;
    long repetition;
    long frequency;
    long presence;
    long maskRow;
    long maskBits;

    /** Whether any row may not choose every token. */
    boolean hasMasks;

    /** Whether any row changes its logits by a bias or a penalty. */
    boolean changesLogits;

    /** Whether every row takes the best token. */
    boolean allGreedy;

    SamplingTables(CudaDriver driver, int maxRows, int vocabSize) {
        this.vocabSize = vocabSize;
        upload = new PackedUpload(driver, "sampling", 256L * maxRows + 4096);
    }

    /**
     * Packs rows and queues the copy.
     *
     * @param tokenRows token rows of the logits, of which entries {@code first ..} belong to {@code
     *     rows}
     */
    void upload(int[] tokenRows, int first, List<SampleRow> rows) {
        int count = rows.size();
        MaskTable masks = MaskTable.of(rows, vocabSize);
        hasMasks = masks.numWords() > 0;
        changesLogits = rows.stream().anyMatch(row -> changesLogits(row.params()));
        allGreedy = rows.stream().allMatch(row -> row.params().isGreedy());
        AttentionPlan.IntList history = new AttentionPlan.IntList();
        AttentionPlan.IntList outputCounts = new AttentionPlan.IntList();
        AttentionPlan.IntList biased = new AttentionPlan.IntList();
        int[] historyStarts = new int[count + 1];
        int[] biasStarts = new int[count + 1];
        if (changesLogits) {
            for (int i = 0; i < count; i++) {
                addHistory(rows.get(i), history, outputCounts);
                rows.get(i).params().logitBias().keySet().forEach(biased::add);
                historyStarts[i + 1] = history.size();
                biasStarts[i + 1] = biased.size();
            }
        }
        upload.begin(160L * (count + 8) + 8L * history.size() + 8L * biased.size() + 4L * masks.numWords());
        int[] chunk = new int[count];
        System.arraycopy(tokenRows, first, chunk, 0, count);
        logitRows = upload.ints(chunk, count);
        if (!allGreedy) {
            temperature = doubles(rows, row -> row.params().temperature());
            topP = doubles(rows, row -> row.params().topP());
            minP = doubles(rows, row -> row.params().minP());
            uniform = doubles(rows, SampleRow::uniform);
            topK = upload.ints(rows.stream().mapToInt(row -> row.params().topK()).toArray(), count);
        }
        if (changesLogits) {
            repetition = doubles(rows, row -> row.params().repetitionPenalty());
            frequency = doubles(rows, row -> row.params().frequencyPenalty());
            presence = doubles(rows, row -> row.params().presencePenalty());
            historyStart = upload.ints(historyStarts, count + 1);
            historyTokens = upload.ints(history.array(), history.size());
            historyCounts = upload.ints(outputCounts.array(), outputCounts.size());
            lateRow = upload.ints(new int[0], 0, count, -1);
            biasStart = upload.ints(biasStarts, count + 1);
            biasTokens = upload.ints(biased.array(), biased.size());
            biasValues = upload.floats(biasValues(rows, biased.size()), biased.size());
        }
        if (hasMasks) {
            maskRow = upload.ints(masks.rowMask(), count);
            maskBits = upload.ints(masks.words(), masks.numWords());
        }
        upload.end();
    }

    static boolean changesLogits(SamplingParams params) {
        return hasPenalties(params) || !params.logitBias().isEmpty();
    }

    private static boolean hasPenalties(SamplingParams params) {
        return params.repetitionPenalty() != 1
                || params.presencePenalty() != 0
                || params.frequencyPenalty() != 0;
    }

    /** Each distinct token of prompt and output once, with how often it occurs in the output. */
    private static void addHistory(
            SampleRow row, AttentionPlan.IntList tokens, AttentionPlan.IntList counts) {
        if (!hasPenalties(row.params())) {
            return;
        }
        Map<Integer, Integer> occurrences = new HashMap<>();
        for (int i = 0; i < row.numTokens(); i++) {
            occurrences.merge(row.tokens()[i], i < row.numPromptTokens() ? 0 : 1, Integer::sum);
        }
        occurrences.forEach(
                (token, count) -> {
                    tokens.add(token);
                    counts.add(count);
                });
    }

    private static float[] biasValues(List<SampleRow> rows, int count) {
        float[] values = new float[count];
        int filled = 0;
        for (SampleRow row : rows) {
            for (float value : row.params().logitBias().values()) {
                values[filled++] = value;
            }
        }
        return values;
    }

    private long doubles(List<SampleRow> rows, ToDoubleFunction<SampleRow> value) {
        return upload.doubles(rows.stream().mapToDouble(value).toArray(), rows.size());
    }
}
