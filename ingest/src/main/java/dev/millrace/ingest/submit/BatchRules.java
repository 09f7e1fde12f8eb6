package dev.millrace.ingest.submit;

import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

/** What a batch asks of all its jobs. */
final class BatchRules {
    private BatchRules() {}

    /**
     * Makes a job for another endpoint a rejected one.
     *
     * @param only null for any
     */
    static void requireEndpoint(PromptJob job, Endpoint only, long line) {
        if (only != null && job.getRejection() == null && job.getEndpoint() != only) {
            String message =
                    "line " + line + ": url is not the endpoint that the batch was created for";
            job.setRejection(new ErrorInfo("mismatched_endpoint", message, "url"));
        }
    }
}
