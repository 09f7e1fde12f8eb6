package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.model.ForwardInput;

import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.Set;

class PrefixGroupsTest {
    private static final int BLOCK_SIZE = 16;

    private final ForwardInput input = new ForwardInput(64, 16);
    private final PrefixGroups groups = new PrefixGroups();

    /** Adds a sequence whose query is its last token. */
    private void sequence(int contextLen, int... blocks) {
        input.blockTables[input.numSeqs] = blocks;
        input.contextLens[input.numSeqs++] = contextLen;
        input.cuSeqlensQ[input.numSeqs] = ++input.numTokens;
    }

    @Test
    void sequencesWithTheSameBlocksAreTogether() {
        sequence(90, 1, 2, 3, 4, 5, 10);
        sequence(90, 7, 8, 9, 20, 21, 11);
        sequence(95, 1, 2, 3, 4, 5, 12);
        sequence(90, 7, 8, 9, 20, 22, 13);
        groups.find(input, BLOCK_SIZE, true);
        assertEquals(80, groups.sharedKeys(0));
        assertEquals(80, groups.sharedKeys(2));
        assertEquals(64, groups.sharedKeys(1));
        assertEquals(64, groups.sharedKeys(3));
        assertEquals(2, groups.count());
        assertEquals(Set.of(0, 2), members(0));
        assertEquals(Set.of(1, 3), members(1));
    }

    private Set<Integer> members(int group) {
        Set<Integer> members = new HashSet<>();
        PrefixGroups.Group of = groups.group(group);
        for (int i = of.begin(); i < of.end(); i++) {
            members.add(groups.seq(i));
        }
        return members;
    }

    @Test
    void onlyKeysBeforeEveryQueryAreShared() {
        sequence(90, 1, 2, 3, 4, 5, 6);
        sequence(78, 1, 2, 3, 4, 5);
        groups.find(input, BLOCK_SIZE, true);
        assertEquals(64, groups.sharedKeys(0), "token 77 of the second is a query");
        assertEquals(64, groups.sharedKeys(1));
    }

    @Test
    void shortPrefixesAndWindowsAreLeftAlone() {
        sequence(90, 1, 2, 3, 10, 11, 12);
        sequence(90, 1, 2, 3, 20, 21, 22);
        groups.find(input, BLOCK_SIZE, true);
        assertEquals(0, groups.sharedKeys(0));
        assertEquals(0, groups.count());
        input.blockTables[1] = input.blockTables[0];
        groups.find(input, BLOCK_SIZE, true);
        assertTrue(groups.sharedKeys(0) > 0, "the control: it would be found");
        groups.find(input, BLOCK_SIZE, false);
        assertEquals(0, groups.sharedKeys(0));
    }

    @Test
    void oneMoreMemberSharesWhatItHasAndTheOthersTheRest() {
        for (int s = 0; s < 4; s++) {
            sequence(
                    300, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 30 + s, 40 + s);
        }
        sequence(300, 1, 2, 3, 4, 5, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63);
        groups.find(input, BLOCK_SIZE, true);
        assertEquals(272, groups.sharedKeys(0));
        assertEquals(80, groups.sharedKeys(4));
        assertEquals(Set.of(0, 1, 2, 3, 4), members(0));
        assertEquals(Set.of(0, 1, 2, 3), members(1));
        assertEquals(80, groups.group(1).from());
        assertEquals(1, groups.group(1).level());
    }

    @Test
    void levelsAreBounded() {
        int depth = PrefixGroups.LEVELS + 2;
        for (int s = 0; s < depth; s++) {
            int[] blocks = new int[4 * depth + 1];
            for (int b = 0; b < blocks.length; b++) {
                blocks[b] = b < 4 * (s + 1) ? 1 + b : 1000 * (s + 1) + b;
            }
            sequence(64 * depth + 1, blocks);
        }
        groups.find(input, BLOCK_SIZE, true);
        assertEquals(PrefixGroups.LEVELS, groups.count());
        assertEquals(64 * PrefixGroups.LEVELS, groups.sharedKeys(depth - 1));
        assertEquals(64, groups.sharedKeys(0));
    }
}
