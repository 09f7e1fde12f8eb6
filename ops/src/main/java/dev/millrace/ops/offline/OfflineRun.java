package dev.millrace.ops.offline;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.ingest.openai.BatchLineParser;
import dev.millrace.ingest.openai.JobDefaults;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.sink.openai.BatchLineWriter;
import dev.millrace.worker.RequestDecoder;
import dev.millrace.worker.ResultEncoder;

import java.io.BufferedReader;
import java.io.IOException;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
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

    private record Job(PromptJob prompt, EngineRequest request) {}

    private final LoadedModel model;
    private final BatchLineParser parser;
    private final RequestDecoder decoder;
    private final ResultEncoder encoder;
    private final InstantSource clock;
    private final Map<Long, Job> running = new HashMap<>();
    private final Set<String> customIds = new HashSet<>();
    private Progress progress = new Progress(0, 0, 0, 0, 0, 0);

    public OfflineRun(LoadedModel model, InstantSource clock) {
        this.model = model;
        this.parser = new BatchLineParser();
        this.decoder = new RequestDecoder(model);
        this.encoder = new ResultEncoder("generate", model, clock);
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
        while (more || model.engine().hasWork()) {
            while (more && running.size() < READ_AHEAD) {
                String line = in.readLine();
                lineNumber++;
                more = line != null;
                if (more && !line.isBlank()) {
                    start(parser.parse(line, lineNumber, defaults), lineNumber, out);
                }
            }
            for (EngineResult result : model.engine().step()) {
                Job job = running.remove(result.requestId());
                write(encoder.encode(job.prompt(), job.request(), result), out);
            }
            onProgress.accept(progress);
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
            EngineRequest request = decoder.decode(prompt, lineNumber);
            model.engine().submit(request);
            running.put(lineNumber, new Job(prompt, request));
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
