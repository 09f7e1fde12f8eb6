package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.TokenLogprob;
import dev.millrace.engine.sampling.SampledToken;

import java.util.ArrayList;
import java.util.List;

/**
 * What one choice has said: text, log-probabilities, and why it ended. Checked in this order: end
 * of sequence, stop token, stop string, length. A stop token's text is no part of the answer; text
 * is cut before a stop string.
 */
final class ChoiceOutput {
    private final SamplingParams params;
    private final EosTokens eos;
    private final TokenTexts texts;

    /** Made with the first token, since thousands of requests may wait. */
    private TextAssembler assembler;

    private final StopStrings stops;
    private final StringBuilder text = new StringBuilder();
    private final List<TokenLogprob> logprobs;
    private FinishReason finishReason;
    private String stopReason;

    ChoiceOutput(SamplingParams params, EosTokens eos, TokenTexts texts) {
        this.params = params;
        this.eos = eos;
        this.texts = texts;
        stops = new StopStrings(params.stop());
        logprobs = params.logprobs() < 0 ? null : new ArrayList<>();
    }

    /**
     * Takes a token.
     *
     * @param full no further token may follow
     * @return whether the choice has ended
     */
    boolean append(SampledToken sampled, boolean full) {
        if (logprobs != null) {
            logprobs.add(withTexts(sampled));
        }
        int token = sampled.tokenId();
        if (!params.ignoreEos() && eos.contains(token)) {
            return end(FinishReason.STOP, null);
        }
        if (!params.stopTokenIds().isEmpty() && params.stopTokenIds().contains(token)) {
            return end(FinishReason.STOP, Integer.toString(token));
        }
        if (assembler == null) {
            assembler = texts.assembler(params.skipSpecialTokens());
        }
        return addText(assembler.append(token)) || (full && end(FinishReason.LENGTH, null));
    }

    EngineResult.Choice choice(int index, int[] tokenIds) {
        FinishReason reason = finishReason == null ? FinishReason.ABORT : finishReason;
        return new EngineResult.Choice(
                index, text.toString(), tokenIds, reason, stopReason, logprobs);
    }

    /** Adds text; true if a stop string ended it. */
    private boolean addText(String piece) {
        text.append(piece);
        StopStrings.Match match = stops.find(text, piece.length());
        if (match == null) {
            return false;
        }
        text.setLength(match.at());
        finishReason = FinishReason.STOP;
        stopReason = match.stop();
        return true;
    }

    private boolean end(FinishReason reason, String why) {
        // What the assembler held back may still complete a stop string.
        if (assembler == null || !addText(assembler.finish())) {
            finishReason = reason;
            stopReason = why;
        }
        return true;
    }

    private TokenLogprob withTexts(SampledToken sampled) {
        int count = sampled.topTokenIds() == null ? 0 : sampled.topTokenIds().length;
        List<TokenLogprob> top = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            top.add(entry(sampled.topTokenIds()[i], sampled.topLogprobs()[i], List.of()));
        }
        return entry(sampled.tokenId(), sampled.logprob(), top);
    }

    private TokenLogprob entry(int token, double logprob, List<TokenLogprob> top) {
        return new TokenLogprob(token, texts.text(token), texts.bytes(token), logprob, top);
    }
}
