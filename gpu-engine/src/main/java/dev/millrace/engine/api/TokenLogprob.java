package dev.millrace.engine.api;

import java.util.List;

/**
 * A token with its log-probability under the model, before temperature, penalties and filters.
 *
 * @param token its text; bytes that are no text by themselves show as U+FFFD
 * @param bytes its bytes
 * @param logprob natural logarithm
 * @param top the most likely tokens at the same position, best first; empty for entries of such a list
 */
public record TokenLogprob(int tokenId, String token, byte[] bytes, double logprob, List<TokenLogprob> top) {}
