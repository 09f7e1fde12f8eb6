package dev.millrace.ingest;

import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.SamplingParams;

import java.util.List;
import java.util.Map;

/**
 * The ranges of the sampling fields, for jobs from request lines and from Avro producers alike.
 * Fields are named by their path in an OpenAI body, which is what {@link ErrorInfo} promises.
 */
public final class SamplingRules {
    /** Most strings in {@code stop}. OpenAI allows 4; each costs a search in every step. */
    public static final int MAX_STOPS = 64;

    /** Most ids in {@code stop_token_ids}. */
    public static final int MAX_STOP_TOKEN_IDS = 1024;

    /** Most alternatives per token. */
    public static final int MAX_LOGPROBS = 20;

    /** Most choices per job. */
    public static final int MAX_CHOICES = 128;

    private static final String CODE = "invalid_value";

    private SamplingRules() {}

    /**
     * The first rule that the values break, or null when they keep all. Null fields are the model's
     * defaults and pass.
     */
    public static ErrorInfo firstProblem(SamplingParams sampling, Endpoint endpoint) {
        ErrorInfo problem = numbersProblem(sampling, endpoint);
        if (problem == null) {
            problem = logitBiasProblem(sampling.getLogitBias());
        }
        if (problem == null) {
            problem = stopProblem(sampling.getStop());
        }
        return problem != null ? problem : stopTokenIdsProblem(sampling.getStopTokenIds());
    }

    private static ErrorInfo numbersProblem(SamplingParams s, Endpoint endpoint) {
        if (s.getMaxTokens() != null && s.getMaxTokens() < 1) {
            return broken("max_tokens", "must be at least 1", s.getMaxTokens());
        }
        if (outside(s.getTemperature(), 0, 2)) {
            return broken("temperature", "must be in [0, 2]", s.getTemperature());
        }
        if (outside(s.getTopP(), Double.MIN_VALUE, 1)) {
            return broken("top_p", "must be in (0, 1]", s.getTopP());
        }
        if (s.getTopK() != null && s.getTopK() < -1) {
            return broken("top_k", "must be -1 or 0 (all) or positive", s.getTopK());
        }
        if (outside(s.getMinP(), 0, 1)) {
            return broken("min_p", "must be in [0, 1]", s.getMinP());
        }
        if (outside(s.getRepetitionPenalty(), Double.MIN_VALUE, Double.MAX_VALUE)) {
            return broken("repetition_penalty", "must be above 0", s.getRepetitionPenalty());
        }
        if (outside(s.getPresencePenalty(), -2, 2)) {
            return broken("presence_penalty", "must be in [-2, 2]", s.getPresencePenalty());
        }
        if (outside(s.getFrequencyPenalty(), -2, 2)) {
            return broken("frequency_penalty", "must be in [-2, 2]", s.getFrequencyPenalty());
        }
        if (s.getN() < 1 || s.getN() > MAX_CHOICES) {
            return broken("n", "must be in [1, " + MAX_CHOICES + "]", s.getN());
        }
        if (s.getLogprobs() != null && (s.getLogprobs() < 0 || s.getLogprobs() > MAX_LOGPROBS)) {
            String field = endpoint == Endpoint.CHAT_COMPLETIONS ? "top_logprobs" : "logprobs";
            return broken(field, "must be in [0, " + MAX_LOGPROBS + "]", s.getLogprobs());
        }
        return null;
    }

    private static ErrorInfo logitBiasProblem(Map<String, Double> biases) {
        if (biases == null) {
            return null;
        }
        for (Map.Entry<String, Double> bias : biases.entrySet()) {
            if (!isTokenId(bias.getKey())) {
                return broken(
                        "logit_bias", "must have token ids as keys", "\"" + bias.getKey() + "\"");
            }
            if (outside(bias.getValue(), -100, 100)) {
                return broken(
                        "logit_bias." + bias.getKey(), "must be in [-100, 100]", bias.getValue());
            }
        }
        return null;
    }

    private static ErrorInfo stopProblem(List<String> stop) {
        if (stop.size() > MAX_STOPS) {
            return broken("stop", "must hold at most " + MAX_STOPS + " strings", stop.size());
        }
        int empty = stop.indexOf("");
        return empty < 0
                ? null
                : broken("stop", "must not hold an empty string", "\"\" at position " + empty);
    }

    private static ErrorInfo stopTokenIdsProblem(List<Integer> ids) {
        if (ids.size() > MAX_STOP_TOKEN_IDS) {
            return broken(
                    "stop_token_ids",
                    "must hold at most " + MAX_STOP_TOKEN_IDS + " ids",
                    ids.size());
        }
        for (int i = 0; i < ids.size(); i++) {
            if (ids.get(i) < 0) {
                return broken(
                        "stop_token_ids[" + i + "]", "must be a token id, 0 or above", ids.get(i));
            }
        }
        return null;
    }

    private static boolean isTokenId(String text) {
        return text.matches("\\d{1,10}") && Long.parseLong(text) <= Integer.MAX_VALUE;
    }

    /** True for NaN, too. */
    private static boolean outside(Double value, double least, double most) {
        return value != null && !(value >= least && value <= most);
    }

    private static ErrorInfo broken(String field, String rule, Object value) {
        String param = "body." + field;
        return new ErrorInfo(CODE, param + " " + rule + ", not " + value, param);
    }
}
