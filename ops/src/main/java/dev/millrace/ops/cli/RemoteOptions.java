package dev.millrace.ops.cli;

import dev.millrace.worker.JobEngine;
import dev.millrace.worker.remote.ApiKey;
import dev.millrace.worker.remote.RemoteConfig;
import dev.millrace.worker.remote.RemoteEngine;
import dev.millrace.worker.remote.RemoteServerException;
import dev.millrace.worker.remote.ServerKind;

import io.micrometer.core.instrument.MeterRegistry;

import picocli.CommandLine.Option;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;

/** A server that answers in place of the engine in this process; docs/remote-engines.md. */
public final class RemoteOptions {
    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description =
                    "local (the engine in this process, the default) or openai (a server that"
                            + " speaks OpenAI's API, at --url).")
    String engine = "local";

    @Option(
            names = "--url",
            paramLabel = "URL",
            description = "The server, as http://HOST:PORT/v1.")
    URI url;

    @Option(
            names = "--server-kind",
            paramLabel = "KIND",
            description =
                    "vllm, sglang, trtllm, llamacpp, tgi, lmdeploy or openai: which request fields"
                            + " it knows (default: auto, by what the server says).")
    String serverKind = "auto";

    @Option(
            names = "--remote-model",
            paramLabel = "NAME",
            description = "The server's name of the model (default: the only one it has).")
    String remoteModel;

    @Option(
            names = "--api-key-file",
            paramLabel = "FILE",
            description = "A file that holds the server's API key and nothing else.")
    Path apiKeyFile;

    @Option(
            names = "--max-concurrency",
            paramLabel = "N",
            description = "Most requests at the server at once (default 64).")
    Integer maxConcurrency;

    @Option(
            names = "--request-timeout",
            paramLabel = "SECONDS",
            description = "Longest time for one attempt (default 600).")
    Integer requestTimeoutSeconds;

    @Option(
            names = "--max-attempts",
            paramLabel = "N",
            description = "Attempts per job before it fails (default 8).")
    Integer maxAttempts;

    boolean isAskedFor() {
        return switch (engine) {
            case "local" -> {
                if (url != null) {
                    throw CliFailure.usage("--url is for --engine openai");
                }
                yield false;
            }
            case "openai" -> true;
            default ->
                    throw CliFailure.usage("--engine '" + engine + "' is neither local nor openai");
        };
    }

    /** The settings, checked; refused as wrong usage when they are. */
    RemoteConfig config(String servedName) {
        if (url == null) {
            throw CliFailure.usage("--engine openai needs --url, as http://HOST:PORT/v1");
        }
        try {
            RemoteConfig base = RemoteConfig.defaults(url);
            RemoteConfig.Retry retry = base.retry();
            return new RemoteConfig(
                    url,
                    apiKeyFile == null ? null : ApiKey.read(apiKeyFile),
                    servedName,
                    remoteModel,
                    "auto".equals(serverKind) ? null : ServerKind.named(serverKind),
                    maxConcurrency == null ? base.maxConcurrency() : maxConcurrency,
                    requestTimeoutSeconds == null
                            ? base.requestTimeout()
                            : Duration.ofSeconds(requestTimeoutSeconds),
                    new RemoteConfig.Retry(
                            maxAttempts == null ? retry.maxAttempts() : maxAttempts,
                            retry.firstDelay(),
                            retry.maxDelay()),
                    base.breaker());
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }

    JobEngine open(String servedName, MeterRegistry meters) {
        RemoteConfig config = config(servedName);
        try {
            return RemoteEngine.connect(config, meters);
        } catch (RemoteServerException e) {
            throw CliFailure.failed(e.getMessage());
        }
    }
}
