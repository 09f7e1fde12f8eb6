package dev.millrace.engine.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** Launch shapes against the kernels' own page. */
class LaunchPlanTest {

    @Test
    void rowsKeepOneBlockEach() {
        assertEquals(new LaunchPlan(7, 1, 256, 0), LaunchPlan.rows(7));
        assertEquals(new LaunchPlan(7, 1, 256, 2 * 4096 + 128), LaunchPlan.keptRows(7, 4096));
        assertEquals(new LaunchPlan(2, 1, 256, 0), LaunchPlan.elements(257));
    }

    @Test
    void attentionTakesWhatItsTilesNeed() {
        assertEquals(
                new LaunchPlan(9, 8, 128, 73_728), LaunchPlan.attention(true, true, 128, 9, 8));
        assertEquals(
                new LaunchPlan(9, 2, 128, 20_480), LaunchPlan.attention(false, true, 64, 9, 2));
        assertEquals(
                new LaunchPlan(9, 2, 128, 69_632), LaunchPlan.attention(true, false, 128, 9, 2));
        assertEquals(
                new LaunchPlan(9, 8, 384, 229_440),
                LaunchPlan.attentionByWarpGroups(true, 128, 9, 8));
        assertEquals(
                new LaunchPlan(9, 2, 384, 81_984),
                LaunchPlan.attentionByWarpGroups(false, 64, 9, 2));
        assertThrows(
                IllegalArgumentException.class, () -> LaunchPlan.attention(true, true, 96, 1, 1));
        assertThrows(
                IllegalArgumentException.class,
                () -> LaunchPlan.attentionByWarpGroups(true, 96, 1, 1));
    }

    @Test
    void productsAreCutIntoTiles() {
        assertEquals(new LaunchPlan(2, 2, 128, 46_080), LaunchPlan.gemm(65, 129));
        assertEquals(5, LaunchPlan.expertTiles(65, 3));
        assertEquals(new LaunchPlan(1, 5, 128, 46_080), LaunchPlan.expertGemm(65, 3, 128));
        assertEquals(
                new LaunchPlan(2, 5, 128, 98_304), LaunchPlan.expertGemmByWarpGroups(65, 3, 129));
    }

    @Test
    void impossibleLaunchesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> LaunchPlan.rows(0));
        assertThrows(IllegalArgumentException.class, () -> new LaunchPlan(1, 65_536, 128, 0));
        assertThrows(IllegalArgumentException.class, () -> new LaunchPlan(1, 1, 1025, 0));
    }

    @Test
    void graphsHaveFewSizes() {
        assertEquals(1, CudaStep.graphSize(1));
        assertEquals(4, CudaStep.graphSize(3));
        assertEquals(16, CudaStep.graphSize(9));
        assertEquals(32, CudaStep.graphSize(17));
        assertEquals(64, CudaStep.graphSize(64));
    }
}
