package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.TokenLogprob;
import dev.millrace.engine.sampling.SampledToken;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Tokens are given by their texts; each comes with all of its text at once unless it ends in {@code
 * ~}, which holds it back.
 */
class ChoiceOutputTest {
    private static final int EOS = 0;
    private static final List<String> TOKENS =
            List.of("<eos>", "Hello", " wor", "ld", "#", "##", " and", " more", "x~", "#~");

    @Test
    void aStopStringAcrossTokensIsCutOut() {
        EngineResult.Choice choice = run(params(List.of("###"), List.of(), false), 1, 4, 5, 6);
        assertEquals("Hello", choice.text());
        assertEquals(FinishReason.STOP, choice.finishReason());
        assertEquals("###", choice.stopReason());
    }

    @Test
    void theBeginningOfAStopStringIsTextWhenTheRestNeverComes() {
        EngineResult.Choice choice = run(params(List.of("###"), List.of(), false), 1, 5, 6, EOS);
        assertEquals("Hello## and", choice.text());
        assertNull(choice.stopReason());
    }

    @Test
    void theEarliestStopStringWins() {
        EngineResult.Choice choice =
                run(params(List.of("ld", "wor", "world"), List.of(), false), 1, 2, 3);
        assertEquals("Hello ", choice.text());
        assertEquals("wor", choice.stopReason());
        assertEquals(
                "world",
                run(params(List.of("world", "wor#"), List.of(), false), 1, 2, 3).stopReason());
    }

    @Test
    void textHeldBackCanCompleteAStopString() {
        EngineResult.Choice choice = run(params(List.of("##"), List.of(), false), 1, 4, 9, EOS);
        assertEquals("Hello", choice.text());
        assertEquals("##", choice.stopReason());
    }

    @Test
    void endOfSequenceIsNoText() {
        EngineResult.Choice choice = run(params(List.of(), List.of(), false), 1, 2, EOS);
        assertEquals("Hello wor", choice.text());
        assertEquals(FinishReason.STOP, choice.finishReason());
        assertNull(choice.stopReason());
    }

    @Test
    void ignoredEndOfSequenceIsATokenLikeAnyOther() {
        EngineResult.Choice choice = run(params(List.of(), List.of(), true), 1, EOS, 2);
        assertEquals("Hello<eos> wor", choice.text());
        assertEquals(FinishReason.LENGTH, choice.finishReason());
    }

    @Test
    void aStopTokenIsNamedByItsId() {
        EngineResult.Choice choice = run(params(List.of(), List.of(6, EOS), true), 1, 6);
        assertEquals("Hello", choice.text());
        assertEquals("6", choice.stopReason());
        assertEquals(
                "0",
                run(params(List.of(), List.of(6, EOS), true), 1, EOS).stopReason(),
                "though end of sequence is ignored");
    }

    @Test
    void lengthFlushesWhatWasHeldBack() {
        assertEquals("Hellox", run(params(List.of(), List.of(), false), 1, 8).text());
    }

    @Test
    void logprobsCarryTextAndBytes() {
        SamplingParams params =
                new SamplingParams(
                        9, 0, 1, 0, 0, 1, 0, 0, Map.of(), 2, List.of(), List.of(), 1, 0, false,
                        true);
        ChoiceOutput output =
                new ChoiceOutput(params, new EosTokens(new int[] {EOS}), new FakeTexts());
        output.append(
                new SampledToken(2, -0.5, new int[] {2, 3}, new double[] {-0.5, -1.5}), false);
        TokenLogprob logprob = output.choice(0, new int[] {2}).logprobs().getFirst();
        assertEquals(" wor", logprob.token());
        assertArrayEquals(" wor".getBytes(StandardCharsets.UTF_8), logprob.bytes());
        assertEquals(List.of(2, 3), logprob.top().stream().map(TokenLogprob::tokenId).toList());
        assertEquals(-1.5, logprob.top().get(1).logprob());
    }

    /** Feeds tokens; all but the last must leave the choice open. */
    private static EngineResult.Choice run(SamplingParams params, int... tokens) {
        ChoiceOutput output =
                new ChoiceOutput(params, new EosTokens(new int[] {EOS}), new FakeTexts());
        for (int i = 0; i < tokens.length; i++) {
            boolean ended = output.append(SampledToken.of(tokens[i]), i == tokens.length - 1);
            if (ended) {
                break;
            }
        }
        return output.choice(0, tokens);
    }

    private static SamplingParams params(
            List<String> stop, List<Integer> stopTokens, boolean ignoreEos) {
        return new SamplingParams(
                9, 0, 1, 0, 0, 1, 0, 0, Map.of(), -1, stop, stopTokens, 1, 0, ignoreEos, true);
    }

    private static final class FakeTexts implements TokenTexts {
        @Override
        public TextAssembler assembler(boolean skipSpecialTokens) {
            return new TextAssembler() {
                private String held = "";

                @Override
                public String append(int tokenId) {
                    String text = held + TOKENS.get(tokenId);
                    held = text.endsWith("~") ? text.substring(0, text.length() - 1) : "";
                    return held.isEmpty() ? text : "";
                }

                @Override
                public String finish() {
                    return held;
                }
            };
        }

        @Override
        public String text(int tokenId) {
            return TOKENS.get(tokenId);
        }

        @Override
        public byte[] bytes(int tokenId) {
            return TOKENS.get(tokenId).getBytes(StandardCharsets.UTF_8);
        }
    }
}
