package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.TextConstraint;
import dev.millrace.engine.backend.cuda.CudaConfig;
import dev.millrace.engine.backend.cuda.CudaDevices;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.scheduler.LlmEngine;
import dev.millrace.engine.scheduler.NoTexts;
import dev.millrace.engine.scheduler.TextAssembler;
import dev.millrace.engine.scheduler.TokenTexts;
import dev.millrace.engine.structured.Vocabulary;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Masks on the emulated device: constrained rows beside a free one, with and without more. */
class CudaConstraintTest {
    private static final Path MODEL = Golden.root().resolve("qwen2-bias-tied-bf16");
    private static final EngineConfig CONFIG =
            new EngineConfig(
                    "test", 8, 48, 16, 4 << 20, 0, true, 1, Numerics.DEFAULT, Speculation.OFF);
    private static final int EOS = 0;
    private static final String REGEX = "(ab|cd){2,3}a";

    /** Token t stands for one of the letters a to z. */
    private static final class Letters implements TokenTexts, Vocabulary {
        @Override
        public TextAssembler assembler(boolean skipSpecialTokens) {
            return new NoTexts().assembler(skipSpecialTokens);
        }

        @Override
        public String text(int tokenId) {
            return new String(bytes(tokenId), StandardCharsets.US_ASCII);
        }

        @Override
        public Vocabulary vocabulary() {
            return this;
        }

        @Override
        public int size() {
            return 64;
        }

        @Override
        public byte[] bytes(int tokenId) {
            return tokenId == EOS ? new byte[0] : new byte[] {(byte) ('a' + tokenId % 26)};
        }

        @Override
        public int[] encode(String text) {
            return text.chars().map(c -> c == 'a' ? 26 : c - 'a').toArray();
        }

        @Override
        public boolean stripsFirstSpace() {
            return false;
        }
    }

    @Test
    void constrainedAnswersHaveTheirForm() {
        DecoderModel model =
                ModelLoader.load(
                        MODEL, CudaDevices.emulated(CudaConfig.defaults()), CONFIG, Sampler::new);
        Letters letters = new Letters();
        TextConstraint form = new TextConstraint(TextConstraint.Kind.REGEX, REGEX, "regex");
        try (LlmEngine engine = new LlmEngine(model, letters, new int[] {EOS}, CONFIG)) {
            for (int i = 0; i < 6; i++) {
                int[] prompt = {5, 9, 2 + i, 20, 31};
                engine.submit(new EngineRequest(i, prompt, params(i), 0, i == 5 ? null : form));
            }
            int constrained = 0;
            while (engine.hasWork()) {
                for (EngineResult result : engine.step()) {
                    EngineResult.Choice choice = result.choices().getFirst();
                    StringBuilder text = new StringBuilder();
                    for (int token : choice.tokenIds()) {
                        text.append(token < letters.size() ? letters.text(token) : "?");
                    }
                    if (result.requestId() == 5) {
                        assertFalse(text.toString().matches(REGEX), "the free one: " + text);
                    } else {
                        assertEquals(FinishReason.STOP, choice.finishReason());
                        assertTrue(text.toString().matches(REGEX), text.toString());
                        constrained++;
                    }
                }
            }
            assertEquals(5, constrained);
            assertTrue(engine.stats().forcedTokens() > 0);
        }
    }

    private static SamplingParams params(int i) {
        double temperature = i % 2;
        int logprobs = i == 2 ? 1 : -1;
        Map<Integer, Float> bias = i == 3 ? Map.of(7, 50f) : Map.of();
        return new SamplingParams(
                12, temperature, 1, 0, 0, i == 4 ? 1.2 : 1, 0, 0, bias, logprobs, List.of(),
                List.of(), 1, i, false, true);
    }
}
