package dev.millrace.ops.offline;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.ingest.openai.BatchLineParser;
import dev.millrace.ingest.openai.JobDefaults;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.sink.openai.BatchLineWriter;
import dev.millrace.worker.JobAnswer;
import dev.millrace.worker.JobEngine;
import dev.millrace.worker.JobRequest;
import dev.millrace.worker.ResultEncoder;

import java.io.BufferedReader;
import java.io.IOException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The engine alone: request lines in, result lines out, the same parser, decoder, encoder and
 * writer as the pipeline. Lines come out as they finish. Reads ahead only so far, so that memory
 * does not grow with the file.
 */
public final class OfflineRun {
    private static final int READ_AHEAD = 4096;

    /** What has happened so far. */
    public record Progress(
            long read,
            long completed,
            long failed,
            long promptTokens,
            long cachedTokens,
            long completionTokens) {
        public long finished() {
            return completed + failed;
        }
    }

    private final JobEngine engine;
    private final BatchLineParser parser;
    private final ResultEncoder encoder;
    private final InstantSource clock;
    private final Map<Long, PromptJob> running = new HashMap<>();
    private final Set<String> customIds = new HashSet<>();
    private Progress progress = new Progress(0, 0, 0, 0, 0, 0);

    public OfflineRun(JobEngine engine, InstantSource clock) {
        this.engine = engine;
        this.parser = new BatchLineParser();
        this.encoder = new ResultEncoder("generate", engine.modelFingerprint(), clock);
        this.clock = clock;
    }

    /**
     * Runs all lines; a line that cannot be run gets an error line, and a repeated custom_id too.
     *
     * @param onProgress told after every step of the engine
     */
    public Progress run(BufferedReader in, BatchLineWriter out, Consumer<Progress> onProgress)
            throws IOException {
        JobDefaults defaults = new JobDefaults("", "", "default", clock.instant());
        long lineNumber = 0;
        boolean more = true;
        while (more || engine.hasWork()) {
            while (more && running.size() < READ_AHEAD) {
                String line = in.readLine();
                lineNumber++;
                more = line != null;
                if (more && !line.isBlank()) {
                    start(parser.parse(line, lineNumber, defaults), lineNumber, out);
                }
            }
            for (JobAnswer answer : engine.step()) {
                write(encoder.encode(running.remove(answer.requestId()), answer), out);
            }
            onProgress.accept(progress);
            LockSupport.parkNanos(engine.hasWork() ? engine.restBetweenSteps().toNanos() : 0);
        }
        return progress;
    }

    private void start(PromptJob prompt, long lineNumber, BatchLineWriter out) throws IOException {
        progress =
                new Progress(
                        progress.read + 1,
                        progress.completed,
                        progress.failed,
                        progress.promptTokens,
                        progress.cachedTokens,
                        progress.completionTokens);
        try {
            if (!customIds.add(prompt.getCustomId())) {
                throw new RequestRejectedException(
                        "duplicate_custom_id",
                        "custom_id",
                        "line "
                                + lineNumber
                                + ": custom_id '"
                                + prompt.getCustomId()
                                + "' has been used by an earlier line");
            }
            JobRequest request = engine.prepare(prompt, lineNumber);
            engine.submit(request);
            running.put(lineNumber, prompt);
        } catch (RequestRejectedException e) {
            write(encoder.rejected(prompt, e), out);
        }
    }

    private void write(Completion completion, BatchLineWriter out) throws IOException {
        out.write(completion);
        boolean ok = completion.getStatus() == CompletionStatus.COMPLETED;
        var usage = completion.getUsage();
        progress =
                new Progress(
                        progress.read,
                        progress.completed + (ok ? 1 : 0),
                        progress.failed + (ok ? 0 : 1),
                        progress.promptTokens + (usage == null ? 0 : usage.getPromptTokens()),
                        progress.cachedTokens + (usage == null ? 0 : usage.getCachedTokens()),
                        progress.completionTokens
                                + (usage == null ? 0 : usage.getCompletionTokens()));
    }
}
