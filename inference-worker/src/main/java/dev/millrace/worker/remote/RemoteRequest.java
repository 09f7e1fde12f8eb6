package dev.millrace.worker.remote;

import dev.millrace.schemas.PromptJob;
import dev.millrace.worker.JobRequest;

/**
 * A job as the server is sent it.
 *
 * @param path below the server's url
 * @param json the body, UTF-8
 * @param job what the answer is checked against
 * @param seed what was sent
 * @param promptTokens an estimate
 */
record RemoteRequest(
        long requestId,
        int priority,
        String path,
        byte[] json,
        PromptJob job,
        long seed,
        int promptTokens)
        implements JobRequest {

    /**
     * Assumed where a conversation sets no limit: what a tenant is charged in advance, nothing that
     * is sent.
     */
    private static final int ASSUMED_MAX_TOKENS = 512;

    @Override
    public JobRequest withPriority(int changed) {
        return new RemoteRequest(requestId, changed, path, json, job, seed, promptTokens);
    }

    @Override
    public int maxTokens() {
        Integer asked = job.getSampling().getMaxTokens();
        return asked == null ? ASSUMED_MAX_TOKENS : asked;
    }

    @Override
    public int numChoices() {
        return job.getSampling().getN();
    }
}
