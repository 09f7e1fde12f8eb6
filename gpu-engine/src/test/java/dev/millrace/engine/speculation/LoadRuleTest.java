package dev.millrace.engine.speculation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LoadRuleTest {
    private static final LoadRule RULE = new LoadRule(8);

    /** Whatever passes the rule gains in the model of cost that the rule stands on. */
    @Test
    void aGuessThatPassesPaysForItsRow() {
        for (int choosing = 1; choosing <= 512; choosing++) {
            double least = RULE.leastChance(choosing);
            double gain = least * RULE.fixedCostRows() / choosing;
            double cost = 1 - least;
            assertEquals(LoadRule.MARGIN, gain / cost, 1e-9, choosing + " sequences");
        }
    }

    @Test
    void theBarRisesWithTheLoadUntilNobodyLooks() {
        for (int choosing = 1; choosing < 512; choosing++) {
            assertTrue(RULE.leastChance(choosing) < RULE.leastChance(choosing + 1));
            assertTrue(RULE.mayPay(choosing) || !RULE.mayPay(choosing + 1));
        }
        assertTrue(RULE.mayPay(1));
        assertFalse(RULE.mayPay(256));
    }

    @Test
    void theEstimateFollowsWhatHappens() {
        Acceptance acceptance = new Acceptance();
        double before = acceptance.chance(5);
        for (int i = 0; i < 300; i++) {
            acceptance.observe(5, false);
            acceptance.observe(7, true);
        }
        assertTrue(acceptance.chance(5) < 0.02, "after misses: " + acceptance.chance(5));
        assertTrue(acceptance.chance(7) > 0.98, "after hits: " + acceptance.chance(7));
        assertEquals(new Acceptance().chance(6), acceptance.chance(6));
        for (int i = 0; i < 300; i++) {
            acceptance.observe(5, true);
        }
        assertTrue(acceptance.chance(5) > before, "it finds its way back");
        acceptance.observe(40, false);
        assertTrue(acceptance.chance(16) < new Acceptance().chance(16), "longer counts as longest");
    }
}
