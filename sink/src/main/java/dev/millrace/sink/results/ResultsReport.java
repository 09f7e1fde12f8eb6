package dev.millrace.sink.results;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.progress.BatchStatuses;

/**
 * What an export found.
 *
 * @param progress the batch when the export began
 * @param completed lines written for jobs that completed
 * @param failed lines written for jobs that failed, expired or were cancelled
 * @param doubled completions passed over because their job had one already; 0 unless something is wrong with
 *     the topic
 * @param unreadable records of the completions topic that could not be read; they may belong to any batch
 * @param everyIdChecked false when there were too many jobs to remember each id; then only the counts were
 *     compared
 */
public record ResultsReport(
        BatchProgress progress, long completed, long failed, long doubled, long unreadable,
        boolean everyIdChecked) {

    /** Jobs of the batch that have no answer in the files. */
    public long missing() {
        return Math.max(0, progress.getTotal() - completed - failed);
    }

    /** Whether the batch has ended. */
    public boolean hasEnded() {
        return BatchStatuses.hasEnded(progress.getStatus());
    }

    /** Whether the batch has ended and the files hold exactly one line for each of its jobs. */
    public boolean isWhole() {
        return hasEnded() && doubled == 0 && completed + failed == progress.getTotal();
    }

    /** One or a few sentences for a person. */
    public String summary() {
        StringBuilder text = new StringBuilder("batch ").append(progress.getBatchId())
                .append(" is ").append(progress.getStatus()).append(": ")
                .append(completed).append(" completed, ")
                .append(failed).append(" failed, ")
                .append(missing()).append(hasEnded() ? " missing" : " not yet answered")
                .append(" of ").append(progress.getTotal()).append('.');
        if (doubled > 0) {
            text.append(" ERROR: ").append(doubled)
                    .append(" jobs were answered more than once; the first answer was written.");
        }
        if (completed + failed > progress.getTotal() && hasEnded()) {
            text.append(" ERROR: there are ").append(completed + failed - progress.getTotal())
                    .append(" answers more than jobs.");
        }
        if (unreadable > 0) {
            text.append(" WARNING: ").append(unreadable)
                    .append(" records of the completions topic could not be read.");
        }
        return text.toString();
    }
}
