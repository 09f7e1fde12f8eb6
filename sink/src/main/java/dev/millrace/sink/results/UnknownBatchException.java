package dev.millrace.sink.results;

import java.util.Collection;

/** There is no batch of this name; the message lists those that come close. */
public final class UnknownBatchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** @param known every batch that there is */
    public UnknownBatchException(String batchId, Collection<String> known) {
        super("there is no batch '" + batchId + "'" + (known.isEmpty() ? "; no batch was submitted yet"
                : "; the closest names: " + String.join(", ", SimilarIds.closest(batchId, known))));
    }
}
