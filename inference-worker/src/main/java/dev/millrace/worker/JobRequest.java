package dev.millrace.worker;

import java.util.List;

/** A job as its {@link JobEngine} takes it. */
public interface JobRequest {
    long requestId();

    /** Higher runs earlier. */
    int priority();

    /** The same request with another priority. */
    JobRequest withPriority(int priority);

    /** Tokens of the prompt; an estimate where only a server's tokenizer knows. */
    int promptTokens();

    /** Most tokens of one choice. */
    int maxTokens();

    /** Choices to make. */
    int numChoices();

    /**
     * The same request with what another worker has generated for it, to go on from there; where the
     * engine cannot do so, the request as it is.
     *
     * @param tokensByChoice generated token ids
     */
    default JobRequest resuming(List<int[]> tokensByChoice) {
        return this;
    }

    /** Tokens that another worker has generated for it. */
    default int resumedTokens() {
        return 0;
    }
}
