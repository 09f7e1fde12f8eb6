package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.sampling.Uniforms;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What a request must answer on a {@link SimulatedExecutor}, computed alone, from the start,
 * without any cache.
 */
record SimulationOracle(
        List<Integer> tokens, String text, FinishReason finishReason, String stopReason) {

    static SimulationOracle answer(EngineRequest request, int choice, int maxModelLen) {
        SamplingParams params = request.sampling();
        long prefix = SimulatedExecutor.ROOT;
        int last = request.promptTokenIds()[request.promptTokenIds().length - 1];
        int length = request.promptTokenIds().length;
        for (int token : request.promptTokenIds()) {
            prefix = SimulatedExecutor.extend(prefix, token);
        }
        List<Integer> tokens = new ArrayList<>();
        StringBuilder shown = new StringBuilder();
        TextAssembler assembler = new SimulatedTexts().assembler(true);
        while (true) {
            double uniform = params.isGreedy() ? 0 : Uniforms.at(params.seed(), choice, length);
            int token = SimulatedExecutor.nextToken(prefix, last, uniform);
            last = token;
            prefix = SimulatedExecutor.extend(prefix, token);
            tokens.add(token);
            length++;
            boolean eos = token == SimulatedTexts.EOS && !params.ignoreEos();
            boolean stopToken = !eos && params.stopTokenIds().contains(token);
            if (!eos && !stopToken) {
                shown.append(assembler.append(token));
            }
            boolean full = tokens.size() == params.maxTokens() || length == maxModelLen;
            String cutBy = firstStop(shown, params.stop());
            if (cutBy == null && (eos || stopToken || full)) {
                shown.append(assembler.finish());
                cutBy = firstStop(shown, params.stop());
            }
            if (cutBy != null) {
                return new SimulationOracle(
                        tokens, shown.substring(0, shown.indexOf(cutBy)), FinishReason.STOP, cutBy);
            }
            if (eos || stopToken) {
                return new SimulationOracle(
                        tokens,
                        shown.toString(),
                        FinishReason.STOP,
                        eos ? null : Integer.toString(token));
            }
            if (full) {
                return new SimulationOracle(tokens, shown.toString(), FinishReason.LENGTH, null);
            }
        }
    }

    boolean matches(int[] tokenIds, String itsText, FinishReason itsReason, String itsStopReason) {
        return Arrays.stream(tokenIds).boxed().toList().equals(tokens)
                && itsText.equals(text)
                && itsReason == finishReason
                && Objects.equals(itsStopReason, stopReason);
    }

    private static String firstStop(StringBuilder text, List<String> stops) {
        String first = null;
        for (String stop : stops) {
            int at = text.indexOf(stop);
            if (at >= 0 && (first == null || at < text.indexOf(first))) {
                first = stop;
            }
        }
        return first;
    }
}
