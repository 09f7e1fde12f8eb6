package dev.millrace.worker;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;
import dev.millrace.schemas.Usage;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The results of the engine in this process in the contract's shape. */
final class LocalAnswers {
    private LocalAnswers() {}

    static JobAnswer encode(LocalJobEngine.LocalRequest request, EngineResult result) {
        EngineResult.Failure failure = result.error();
        int longest = 0;
        for (EngineResult.Choice choice : result.choices()) {
            longest = Math.max(longest, choice.tokenIds().length);
        }
        return new JobAnswer(
                result.requestId(),
                choices(request, result),
                new Usage(result.promptTokens(), result.cachedTokens(), result.completionTokens()),
                failure == null ? null : new ErrorInfo(failure.code(), failure.message(), null),
                result.timing(),
                longest,
                request.tokens().sampling().seed());
    }

    private static List<Choice> choices(LocalJobEngine.LocalRequest request, EngineResult result) {
        boolean returnTokenIds = request.returnsTokenIds();
        List<Integer> promptTokenIds =
                returnTokenIds ? boxed(request.tokens().promptTokenIds()) : null;
        List<Choice> choices = new ArrayList<>(result.choices().size());
        for (EngineResult.Choice choice : result.choices()) {
            choices.add(
                    new Choice(
                            choice.index(),
                            choice.text(),
                            choice.finishReason().openAiName(),
                            choice.stopReason(),
                            returnTokenIds ? boxed(choice.tokenIds()) : null,
                            promptTokenIds,
                            logprobs(choice.logprobs()),
                            null));
        }
        return choices;
    }

    private static List<TokenLogprob> logprobs(List<dev.millrace.engine.api.TokenLogprob> tokens) {
        if (tokens == null) {
            return null;
        }
        List<TokenLogprob> encoded = new ArrayList<>(tokens.size());
        for (dev.millrace.engine.api.TokenLogprob token : tokens) {
            List<TopLogprob> top = new ArrayList<>(token.top().size());
            for (dev.millrace.engine.api.TokenLogprob other : token.top()) {
                top.add(
                        new TopLogprob(
                                other.token(),
                                other.tokenId(),
                                other.logprob(),
                                ByteBuffer.wrap(other.bytes())));
            }
            encoded.add(
                    new TokenLogprob(
                            token.token(),
                            token.tokenId(),
                            token.logprob(),
                            ByteBuffer.wrap(token.bytes()),
                            top));
        }
        return encoded;
    }

    private static List<Integer> boxed(int[] values) {
        List<Integer> list = new ArrayList<>(values.length);
        for (int value : values) {
            list.add(value);
        }
        return list;
    }
}
