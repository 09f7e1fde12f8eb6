package dev.millrace.sink.results;

import java.util.List;

/** There is no batch of this name; the message lists those that come close. */
public final class UnknownBatchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnknownBatchException(String batchId, List<String> similar) {
        super("there is no batch '" + batchId + "'" + (similar.isEmpty() ? "; no batch was submitted yet"
                : "; known batches: " + String.join(", ", similar)));
    }
}
