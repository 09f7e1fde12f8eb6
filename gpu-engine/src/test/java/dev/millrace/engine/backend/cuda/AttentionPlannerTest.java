package dev.millrace.engine.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.model.ForwardInput;

import org.junit.jupiter.api.Test;

import java.util.Random;

/** Every query row sees each of its positions exactly once, however the work is cut. */
class AttentionPlannerTest {
    private static final long SEED = 41;
    private static final int BLOCK = 16;
    private static final int GROUP = 4;

    private static AttentionPlanner.Shape shape(int window) {
        return shape(window, false);
    }

    private static AttentionPlanner.Shape shape(int window, boolean warpGroups) {
        CudaConfig config = CudaConfig.defaults().withAttention(32, 64);
        return new AttentionPlanner.Shape(GROUP, 2, BLOCK, window, 4, warpGroups, config);
    }

    @Test
    void everyPositionIsReadOnceByEveryRow() {
        Random random = new Random(SEED);
        for (int round = 0; round < 200; round++) {
            ForwardInput input = step(random);
            AttentionPlanner.Shape shape = shape(0, round % 2 == 1);
            AttentionPlan plan = new AttentionPlanner(shape).plan(input);
            long[] seen = new long[input.numTokens * GROUP];
            count(plan.decode, AttentionPlanner.DECODE_ROWS, seen);
            count(plan.prefill, shape.prefillRows(), seen);
            for (int s = 0; s < input.numSeqs; s++) {
                for (int t = input.cuSeqlensQ[s]; t < input.cuSeqlensQ[s + 1]; t++) {
                    long visible = input.contextLens[s] - (input.cuSeqlensQ[s + 1] - 1 - t);
                    for (int g = 0; g < GROUP; g++) {
                        assertEquals(
                                visible,
                                seen[t * GROUP + g],
                                "seed " + SEED + ", round " + round + ", token " + t);
                    }
                }
            }
            assertTrue(plan.numPartials <= AttentionPlanner.maxPartials(shape, input.numSeqs));
            int items = plan.decodeItems() + plan.prefillItems();
            assertTrue(
                    items <= AttentionPlanner.maxItems(shape, input.numTokens, input.numSeqs));
        }
    }

    @Test
    void aCommonPrefixIsReadOnceForAll() {
        ForwardInput input = new ForwardInput(8, 8);
        for (int s = 0; s < 3; s++) {
            add(input, 1, 100 + s, s < 2 ? 0 : 50);
        }
        AttentionPlan plan = new AttentionPlanner(shape(0)).plan(input);
        assertEquals(2, plan.sharedSequences); // the third begins with other blocks
        assertEquals(1, plan.prefillItems());
        assertEquals(96, plan.prefill.get(5)); // kvEnd: six full blocks
        AttentionPlan windowed = new AttentionPlanner(shape(32)).plan(input);
        assertEquals(0, windowed.sharedSequences);
    }

    private static ForwardInput step(Random random) {
        int seqs = 1 + random.nextInt(6);
        ForwardInput input = new ForwardInput(400, seqs);
        for (int s = 0; s < seqs; s++) {
            int query = random.nextBoolean() ? 1 : 1 + random.nextInt(40);
            add(input, query, query + random.nextInt(200), random.nextBoolean() ? 0 : 100 * s);
        }
        return input;
    }

    private static void add(ForwardInput input, int query, int context, int firstBlock) {
        int s = input.numSeqs++;
        input.cuSeqlensQ[s + 1] = input.cuSeqlensQ[s] + query;
        input.numTokens += query;
        input.contextLens[s] = context;
        input.blockTables[s] = new int[Math.ceilDiv(context, BLOCK)];
        for (int i = 0; i < input.blockTables[s].length; i++) {
            input.blockTables[s][i] = firstBlock + i;
        }
    }

    /** Adds to each row the positions that its items show it. */
    private static void count(AttentionPlan.IntList items, int rowsPerItem, long[] seen) {
        for (int i = 0; i < items.size(); i += AttentionPlan.ITEM) {
            int begin = items.get(i + 1);
            int rows = (items.get(i + 2) - begin) * GROUP;
            int first = items.get(i + 3);
            for (int r = first; r < Math.min(rows, first + rowsPerItem); r++) {
                int base = items.get(i + 6);
                int limit =
                        base < 0 ? items.get(i + 5) : Math.min(items.get(i + 5), base + r / GROUP);
                seen[begin * GROUP + r] += Math.max(0, limit - items.get(i + 4));
            }
        }
    }
}
