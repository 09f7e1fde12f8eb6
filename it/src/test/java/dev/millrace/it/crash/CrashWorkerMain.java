package dev.millrace.it.crash;

import dev.millrace.engine.EngineFactory;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.tokenizer.PromptEncoder;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A worker process that is meant to be killed: the product's worker, engine and model, with a
 * prompt encoder that writes down which job it prepares, so that a test can see what was computed
 * again. Arguments: bootstrap, registry, model folder, file to write to.
 */
public final class CrashWorkerMain {
    private CrashWorkerMain() {}

    public static void main(String[] args) throws InterruptedException {
        Map<String, Object> properties =
                Map.of("bootstrap.servers", args[0], "schema.registry.url", args[1]);
        WorkerConfig config =
                WorkerConfig.defaults("crash-worker", Topics.DEFAULT_POOL, "cpu", properties)
                        .withCommit(Duration.ofMillis(50), 32);
        WorkerApp worker =
                new WorkerApp(
                        config,
                        () -> open(Path.of(args[2]), Path.of(args[3])),
                        new SimpleMeterRegistry());
        worker.start();
        worker.awaitTermination(Duration.ofDays(1));
    }

    private static LoadedModel open(Path modelDir, Path written) {
        LoadedModel model =
                EngineFactory.open(modelDir, "millrace-demo", EngineConfig.defaults("cpu"));
        return new LoadedModel(
                model.name(),
                model.fingerprint(),
                model.engine(),
                new WritingEncoder(model.prompts(), written),
                model.defaults(),
                model.maxModelLen());
    }

    /**
     * Appends the last message of each prompt to a file before it is encoded; the page cache
     * outlives a killed process.
     */
    private record WritingEncoder(PromptEncoder inner, Path written) implements PromptEncoder {
        @Override
        public EncodedPrompt chat(
                List<Map<String, Object>> messages,
                List<Object> tools,
                Map<String, Object> variables) {
            String line = messages.getLast().get("content") + "\n";
            try {
                Files.write(
                        written,
                        line.getBytes(StandardCharsets.UTF_8),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return inner.chat(messages, tools, variables);
        }

        @Override
        public EncodedPrompt text(String prompt) {
            return inner.text(prompt);
        }

        @Override
        public EncodedPrompt tokens(int[] tokenIds) {
            return inner.tokens(tokenIds);
        }
    }
}
