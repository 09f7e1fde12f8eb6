package dev.millrace.ingest.submit;

import java.time.Duration;
import java.util.List;

/**
 * What a submission has done.
 *
 * @param lines lines read that were not blank
 * @param published jobs acknowledged by Kafka; all lines, rejected ones included
 * @param rejected how many of them will end as FAILED because the line could not be understood
 * @param rejectedLines the first of these, with reasons
 * @param bytes bytes read
 * @param took from the first byte to the last acknowledgement
 */
public record SubmitReport(String batchId, String submissionId, long lines, long published, long rejected,
        List<RejectedLine> rejectedLines, long bytes, Duration took) {
    public SubmitReport {
        rejectedLines = List.copyOf(rejectedLines);
    }
}
