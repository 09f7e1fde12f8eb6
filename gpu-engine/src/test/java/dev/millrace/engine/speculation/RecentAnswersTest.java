package dev.millrace.engine.speculation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.stream.IntStream;

class RecentAnswersTest {
    private final RecentAnswers answers = new RecentAnswers();

    @Test
    void anAnswerIsGuessedFromItsSibling() {
        answers.add(new int[] {1, 2, 3, 4, 50, 51, 52, 53}, 4, 8);
        assertEquals(3, answers.find(new int[] {9, 3, 4, 50}, 4));
        assertArrayEquals(new int[] {51, 52}, continuation(2));
        assertArrayEquals(new int[] {51, 52, 53}, continuation(9));
    }

    /** What follows an answer in the store belongs to another. */
    @Test
    void noGuessRunsBeyondAnAnswer() {
        answers.add(new int[] {1, 50, 51}, 1, 3);
        answers.add(new int[] {2, 60, 61}, 1, 3);
        assertEquals(0, answers.find(new int[] {50, 51}, 2));
        assertEquals(2, answers.find(new int[] {1, 50}, 2));
        assertArrayEquals(new int[] {51}, continuation(5));
    }

    @Test
    void whatIsOldIsForgottenAndWhatIsNewIsFound() {
        int[] old = {7, 70, 71, 72};
        answers.add(old, 1, 4);
        assertEquals(3, answers.find(new int[] {7, 70, 71}, 3));
        for (int i = 0; i < 40; i++) {
            int first = 1000 + 1000 * i;
            int[] answer = IntStream.range(first, first + 1000).toArray();
            answers.add(answer, 1, answer.length);
            assertEquals(3, answers.find(new int[] {first + 500, first + 501, first + 502}, 3));
            assertArrayEquals(new int[] {first + 503}, continuation(1));
        }
        assertEquals(0, answers.find(new int[] {7, 70, 71}, 3));
        int[] huge = IntStream.range(0, 100_000).map(i -> -2 - i).toArray();
        answers.add(huge, 10, huge.length);
        assertEquals(16, answers.find(huge, 100));
        assertArrayEquals(new int[] {huge[100]}, continuation(1));
    }

    private int[] continuation(int most) {
        int[] tokens = new int[most];
        return Arrays.copyOf(tokens, answers.continuation(tokens));
    }
}
