package dev.millrace.ingest.submit;

/** Hears how a submission goes, on the thread that submits. */
public interface SubmitListener {
    /** A listener that does nothing. */
    SubmitListener NONE = new SubmitListener() {};

    /**
     * Called every thousand lines, and at the end.
     *
     * @param published jobs acknowledged so far
     * @param bytesRead of the input
     */
    default void progress(long lines, long published, long bytesRead) {}

    /** Called for each line that becomes a rejected job. */
    default void rejected(RejectedLine line) {}
}
