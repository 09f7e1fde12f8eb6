package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Buffer;
import dev.millrace.engine.backend.TokenChooser;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Chooses tokens on the device. The chosen ids stay there for the next step and also travel to the
 * host, which reads them when it completes the step. Logits are F32 and made for a bounded number
 * of rows at a time.
 */
final class CudaChooser implements TokenChooser {
    /** Steps under way at most. */
    private static final int SLOTS = 2;

    /** Most alternatives that can be reported, as SamplingParams has it, and some. */
    private static final int MAX_TOP = 32;

    private final Kernels kernels;
    private final GemmProvider gemm;
    private final CudaLinear head;
    private final int portion;
    private final CudaBuffer hiddenRows;
    private final CudaBuffer logits;
    private final SamplingTables tables;
    private final long sampled;
    private final long logprobs;
    private final long topIds;
    private final long topLogprobs;
    private final Deque<Slot> free = new ArrayDeque<>();

    /**
     * @param portion rows of logits at a time
     * @param most rows of a step
     */
    record Rows(int portion, int most) {}

    /** Pinned memory for the answers of a step, and the event behind their copy. */
    private record Slot(
            MemorySegment sampled,
            MemorySegment logprobs,
            MemorySegment topIds,
            MemorySegment topLogprobs,
            long event) {}

    private record Launched(Slot slot, int rows, int top, List<Integer> wanted) {}

    CudaChooser(Kernels kernels, GemmProvider gemm, CudaLinear head, Rows rows) {
        this.kernels = kernels;
        this.gemm = gemm;
        this.head = head;
        portion = rows.portion();
        CudaDriver driver = kernels.driver();
        int hidden = head.inFeatures();
        int vocabulary = head.outFeatures();
        hiddenRows =
                new CudaBuffer(
                        kernels.zeros(CudaBuffer.bytes(portion, hidden, false)),
                        portion,
                        hidden,
                        false);
        logits =
                new CudaBuffer(
                        kernels.zeros(CudaBuffer.bytes(portion, vocabulary, true)),
                        portion,
                        vocabulary,
                        true);
        tables = new SamplingTables(driver, portion, vocabulary);
        long most = rows.most();
        sampled = kernels.zeros(4 * most);
        logprobs = kernels.zeros(8 * most);
        topIds = kernels.zeros(4 * most * MAX_TOP);
        topLogprobs = kernels.zeros(8 * most * MAX_TOP);
        for (int i = 0; i < SLOTS; i++) {
            free.add(
                    new Slot(
                            driver.allocateHost(4 * most),
                            driver.allocateHost(8 * most),
                            driver.allocateHost(4 * most * MAX_TOP),
                            driver.allocateHost(8 * most * MAX_TOP),
                            driver.createEvent()));
        }
    }

    /** Where the tokens of the last step are, by row. */
    long sampled() {
        return sampled;
    }

    @Override
    public Object launch(Buffer hidden, ForwardInput input, List<SampleRow> rows) {
        int top = rows.stream().mapToInt(row -> row.params().logprobs()).max().orElse(-1);
        for (int first = 0; first < rows.size(); first += portion) {
            List<SampleRow> some = rows.subList(first, Math.min(rows.size(), first + portion));
            tables.upload(input.logitRows, first, some);
            computeLogits((CudaBuffer) hidden, some.size());
            choose(some.size(), first);
            if (top >= 0) {
                report(some.size(), first, top, (CudaBuffer) hidden);
            }
        }
        Slot slot = free.remove();
        CudaDriver driver = kernels.driver();
        if (!rows.isEmpty()) {
            driver.copyToHost(slot.sampled().asSlice(0, 4L * rows.size()), sampled);
        }
        if (top >= 0) {
            driver.copyToHost(slot.logprobs().asSlice(0, 8L * rows.size()), logprobs);
        }
        if (top > 0) {
            driver.copyToHost(slot.topIds().asSlice(0, 4L * rows.size() * top), topIds);
            driver.copyToHost(slot.topLogprobs().asSlice(0, 8L * rows.size() * top), topLogprobs);
        }
        driver.record(slot.event());
        return new Launched(
                slot, rows.size(), top, rows.stream().map(row -> row.params().logprobs()).toList());
    }

    private void computeLogits(CudaBuffer hidden, int count) {
        if (!hidden.holdsValues) {
            throw new IllegalStateException("the last norm's output was not written as BF16");
        }
        kernels.args()
                .pointer(hidden.address())
                .pointer(tables.logitRows)
                .pointer(hiddenRows.address())
                .i64(2L * hidden.cols());
        kernels.launch("gather_rows", LaunchPlan.rows(count));
        gemm.multiply(new Gemm(head, hiddenRows.address(), 0, 0, logits.address(), true, count));
    }

    private void choose(int count, int first) {
        long stride = head.outFeatures();
        int vocabulary = head.outFeatures();
        if (tables.changesLogits) {
            kernels.args()
                    .pointer(logits.address())
                    .i64(stride)
                    .pointer(tables.biasStart)
                    .pointer(tables.biasTokens)
                    .pointer(tables.biasValues)
                    .pointer(tables.historyStart)
                    .pointer(tables.historyTokens)
                    .pointer(tables.historyCounts)
                    .pointer(tables.lateRow)
                    .pointer(sampled)
                    .pointer(tables.repetition)
                    .pointer(tables.frequency)
                    .pointer(tables.presence);
            kernels.launch("bias_penalties", LaunchPlan.logits(count, 16));
        }
        if (tables.hasMasks) {
            kernels.args()
                    .pointer(logits.address())
                    .i64(stride)
                    .pointer(tables.maskRow)
                    .pointer(tables.maskBits)
                    .i32(vocabulary);
            kernels.launch("mask_logits", LaunchPlan.logits(count, 0));
        }
        if (tables.allGreedy) {
            kernels.args()
                    .pointer(logits.address())
                    .i64(stride)
                    .i32(vocabulary)
                    .pointer(sampled + 4L * first);
            kernels.launch("argmax", LaunchPlan.logits(count, 512));
        } else {
            kernels.args()
                    .pointer(logits.address())
                    .i64(stride)
                    .i32(vocabulary)
                    .pointer(tables.temperature)
                    .pointer(tables.topK)
                    .pointer(tables.topP)
                    .pointer(tables.minP)
                    .pointer(tables.uniform)
                    .pointer(sampled + 4L * first);
            kernels.launch("sample", LaunchPlan.sample(count, vocabulary));
        }
    }

    /** Log-probabilities are of the raw logits: where these were changed, they are made again. */
    private void report(int count, int first, int top, CudaBuffer hidden) {
        if (tables.changesLogits || tables.hasMasks) {
            computeLogits(hidden, count);
        }
        kernels.args()
                .pointer(logits.address())
                .i64(head.outFeatures())
                .i32(head.outFeatures())
                .pointer(sampled + 4L * first)
                .i32(top)
                .pointer(logprobs + 8L * first)
                .pointer(topIds + 4L * first * top)
                .pointer(topLogprobs + 8L * first * top);
        kernels.launch("log_probs", LaunchPlan.logits(count, 1024));
    }

    @Override
    public List<SampledToken> complete(Object launched) {
        Launched step = (Launched) launched;
        Slot slot = step.slot();
        kernels.driver().await(slot.event());
        List<SampledToken> tokens = new ArrayList<>(step.rows());
        for (int row = 0; row < step.rows(); row++) {
            int token = slot.sampled().getAtIndex(ValueLayout.JAVA_INT, row);
            int wanted = step.wanted().get(row);
            tokens.add(
                    wanted < 0 || token < 0
                            ? SampledToken.of(token)
                            : withLogprobs(slot, row, token, new int[] {step.top(), wanted}));
        }
        free.add(slot);
        return tokens;
    }

    /**
     * @param tops alternatives that were computed for all rows, and that this row wants
     */
    private SampledToken withLogprobs(Slot slot, int row, int token, int[] tops) {
        int count = Math.min(tops[1], head.outFeatures());
        int[] ids = new int[count];
        double[] values = new double[count];
        for (int k = 0; k < count; k++) {
            ids[k] = slot.topIds().getAtIndex(ValueLayout.JAVA_INT, (long) row * tops[0] + k);
            values[k] =
                    slot.topLogprobs()
                            .getAtIndex(ValueLayout.JAVA_DOUBLE, (long) row * tops[0] + k);
        }
        return new SampledToken(
                token, slot.logprobs().getAtIndex(ValueLayout.JAVA_DOUBLE, row), ids, values);
    }
}
