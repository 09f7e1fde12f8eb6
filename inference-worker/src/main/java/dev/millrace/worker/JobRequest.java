package dev.millrace.worker;

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
}
