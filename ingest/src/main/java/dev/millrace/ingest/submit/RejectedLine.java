package dev.millrace.ingest.submit;

/**
 * A line that became a rejected job.
 *
 * @param file name of the file as it was given
 * @param line from 1
 * @param reason what is wrong, without the line
 */
public record RejectedLine(String file, long line, String reason) {
    /** {@code FILE:LINE: reason}, the form that editors understand. */
    @Override
    public String toString() {
        return file + ":" + line + ": " + reason;
    }
}
