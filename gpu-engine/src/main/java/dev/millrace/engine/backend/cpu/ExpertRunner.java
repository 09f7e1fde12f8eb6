package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.backend.Experts;

import java.util.Arrays;

/**
 * Mixture of experts: routes the rows, brings the rows of an expert side by side, runs each
 * expert's linears on its rows, and sums what a row gets back, in the order of its experts so that
 * the sum does not depend on other rows. One assignment is one (row, chosen expert); assignment row
 * * expertsPerToken + k is a row's k-th expert.
 */
final class ExpertRunner implements AutoCloseable {
    private final LinearRunner linears;
    private final RowParallel rowParallel;
    private HugePages memory;
    private CpuBuffer routerLogits;
    private CpuBuffer gathered;
    private CpuBuffer gateUp;
    private CpuBuffer activated;
    private CpuBuffer answers;

    /** [assignment] expert, weight, and the place of its row among the gathered ones */
    private int[] expertOf = {};

    private float[] weightOf = {};
    private int[] placeOf = {};

    /** [expert + 1] where each expert's gathered rows begin */
    private int[] firstPlace = {};

    private int[] nextPlace = {};

    /** The call under way, and what is done to its rows and assignments: one each for all calls. */
    private Experts experts;

    private CpuBuffer in;
    private CpuBuffer out;
    private final RowParallel.RowOp route = this::route;
    private final RowParallel.RowOp gather = this::gather;
    private final RowParallel.RowOp activate = this::activate;
    private final RowParallel.RowOp sum = this::sum;

    ExpertRunner(LinearRunner linears, RowParallel rowParallel) {
        this.linears = linears;
        this.rowParallel = rowParallel;
    }

    void run(Experts experts, CpuBuffer in, CpuBuffer out, int rows) {
        this.experts = experts;
        this.in = in;
        this.out = out;
        int perToken = experts.expertsPerToken();
        reserve(rows);
        linears.run((PackedLinear) experts.router(), in.row(0), routerLogits.row(0), rows);
        rowParallel.run(rows, 8 * routerLogits.cols(), route);
        place(rows * perToken, routerLogits.cols());
        rowParallel.run(rows * perToken, in.cols(), gather);
        for (int e = 0; e < experts.gateUp().length; e++) {
            int first = firstPlace[e];
            linears.run(
                    (PackedLinear) experts.gateUp()[e],
                    gathered.row(first),
                    gateUp.row(first),
                    firstPlace[e + 1] - first);
        }
        rowParallel.run(rows * perToken, 4 * activated.cols(), activate);
        for (int e = 0; e < experts.down().length; e++) {
            int first = firstPlace[e];
            linears.run(
                    (PackedLinear) experts.down()[e],
                    activated.row(first),
                    answers.row(first),
                    firstPlace[e + 1] - first);
        }
        rowParallel.run(rows, perToken * in.cols(), sum);
    }

    private void gather(int assignment) {
        long row = in.row(assignment / experts.expertsPerToken());
        Native.copy(row, gathered.row(placeOf[assignment]), 4L * in.cols());
    }

    private void activate(int place) {
        ActivationKernels.siluMul(gateUp.row(place), activated.row(place), activated.cols());
    }

    /** Softmax over all experts; the heaviest are chosen, of equal ones the lower index. */
    private void route(int row) {
        int perToken = experts.expertsPerToken();
        int count = routerLogits.cols();
        long logits = routerLogits.row(row);
        float max = Float.NEGATIVE_INFINITY;
        for (int e = 0; e < count; e++) {
            max = Math.max(max, Native.getFloat(logits + 4L * e));
        }
        double total = 0;
        for (int e = 0; e < count; e++) {
            total += Math.exp(Native.getFloat(logits + 4L * e) - max);
        }
        double chosenTotal = 0;
        for (int k = 0; k < perToken; k++) {
            int best = heaviest(logits, count, row * perToken, k);
            double share = Math.exp(Native.getFloat(logits + 4L * best) - max) / total;
            expertOf[row * perToken + k] = best;
            weightOf[row * perToken + k] = (float) share;
            chosenTotal += share;
        }
        for (int k = 0; experts.renormalise() && k < perToken; k++) {
            weightOf[row * perToken + k] /= (float) chosenTotal;
        }
    }

    /**
     * The expert with the highest logit that is not among the {@code taken} ones already chosen for
     * the row.
     */
    private int heaviest(long logits, int count, int firstAssignment, int taken) {
        int best = -1;
        for (int e = 0; e < count; e++) {
            boolean free = true;
            for (int k = 0; k < taken && free; k++) {
                free = expertOf[firstAssignment + k] != e;
            }
            if (free
                    && (best < 0
                            || Native.getFloat(logits + 4L * e)
                                    > Native.getFloat(logits + 4L * best))) {
                best = e;
            }
        }
        return best;
    }

    /** A counting sort of the assignments by expert. */
    private void place(int assignments, int count) {
        Arrays.fill(firstPlace, 0, count + 1, 0);
        for (int a = 0; a < assignments; a++) {
            firstPlace[expertOf[a] + 1]++;
        }
        for (int e = 0; e < count; e++) {
            firstPlace[e + 1] += firstPlace[e];
        }
        System.arraycopy(firstPlace, 0, nextPlace, 0, count);
        for (int a = 0; a < assignments; a++) {
            placeOf[a] = nextPlace[expertOf[a]]++;
        }
    }

    private void sum(int row) {
        int perToken = experts.expertsPerToken();
        int hidden = in.cols();
        long to = out.row(row);
        Native.zero(to, 4L * hidden);
        for (int k = 0; k < perToken; k++) {
            long answer = answers.row(placeOf[row * perToken + k]);
            float weight = weightOf[row * perToken + k];
            int i = 0;
            for (; i + LANES <= hidden; i += LANES) {
                Native.store(
                        Native.load(to + 4L * i).add(Native.load(answer + 4L * i).mul(weight)),
                        to + 4L * i);
            }
            for (; i < hidden; i++) {
                Native.setFloat(
                        to + 4L * i,
                        Native.getFloat(to + 4L * i) + Native.getFloat(answer + 4L * i) * weight);
            }
        }
    }

    /** Grows to the largest step that was ever asked for, and then stays. */
    private void reserve(int rows) {
        int hidden = in.cols();
        int numExperts = experts.router().outFeatures();
        int intermediate = experts.down()[0].inFeatures();
        int assignments = rows * experts.expertsPerToken();
        boolean fits =
                memory != null
                        && routerLogits.cols() == numExperts
                        && gathered.cols() == hidden
                        && activated.cols() == intermediate
                        && gathered.rows() >= assignments
                        && routerLogits.rows() >= rows;
        if (fits) {
            return;
        }
        close();
        memory = new HugePages();
        routerLogits = new CpuBuffer(memory, rows, numExperts);
        gathered = new CpuBuffer(memory, assignments, hidden);
        gateUp = new CpuBuffer(memory, assignments, 2 * intermediate);
        activated = new CpuBuffer(memory, assignments, intermediate);
        answers = new CpuBuffer(memory, assignments, hidden);
        expertOf = new int[assignments];
        weightOf = new float[assignments];
        placeOf = new int[assignments];
        firstPlace = new int[numExperts + 1];
        nextPlace = new int[numExperts];
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
            memory = null;
        }
    }
}
