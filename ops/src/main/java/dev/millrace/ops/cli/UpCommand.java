package dev.millrace.ops.cli;

import dev.millrace.ops.embedded.EmbeddedStack;
import dev.millrace.ops.embedded.StackConfig;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** {@code millrace up}: the whole stack, left running. */
@Command(
        name = "up",
        description = {
            "Starts the same stack and leaves it running.",
            "Kafka, a schema registry, ingest, one worker, the sink and OpenAI's Batch API run in"
                    + " one JVM.",
            "Ctrl-C drains and stops. Data is kept and found again at the next start."
        })
public final class UpCommand implements Callable<Integer> {
    @Option(
            names = "--kafka-port",
            paramLabel = "N",
            defaultValue = "9092",
            description =
                    "Port of Kafka on the loopback address; 0 takes a free one (default"
                            + " ${DEFAULT-VALUE}).")
    int kafkaPort;

    @Option(
            names = "--registry-port",
            paramLabel = "N",
            defaultValue = "8081",
            description =
                    "Port of the schema registry; 0 takes a free one (default ${DEFAULT-VALUE}).")
    int registryPort;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "8080",
            description =
                    "Port of /v1, /metrics, /healthz and /readyz; 0 takes a free one (default"
                            + " ${DEFAULT-VALUE}).")
    int httpPort;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "Where data is kept (default: .millrace/data in the checkout).")
    Path data;

    @Option(
            names = "--partitions",
            paramLabel = "N",
            defaultValue = "8",
            description =
                    "Partitions of the topics that scale, when they are first made (default"
                            + " ${DEFAULT-VALUE}).")
    int partitions;

    @Mixin TenantOptions tenants;

    @Mixin TenantWeightOptions tenantWeights;

    @Mixin EngineOptions engine;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        engine.check();
        Path dataDir = data == null ? Home.data().resolve("data") : data;
        Shutdown shutdown = Shutdown.onSignal();
        try (EmbeddedStack stack =
                EmbeddedStack.start(
                        new StackConfig(
                                        dataDir,
                                        kafkaPort,
                                        registryPort,
                                        httpPort,
                                        partitions,
                                        engine::open,
                                        engine.deviceName())
                                .withTenants(tenantWeights.weights, tenants.policies()),
                        part -> println(out, "started " + part))) {
            stack.awaitRunning();
            String connection =
                    "--bootstrap " + stack.bootstrap() + " --registry " + stack.registryUrl();
            println(out, "");
            println(
                    out,
                    "Millrace is up and answers for model '"
                            + stack.modelName()
                            + "'. Data: "
                            + dataDir);
            println(out, "  millrace submit -i FILE.jsonl --batch ID --wait " + connection);
            println(out, "  millrace status --watch " + connection);
            println(
                    out,
                    "  OPENAI_BASE_URL="
                            + stack.httpUrl()
                            + "/v1 OPENAI_API_KEY=any for OpenAI's clients");
            println(out, "Ctrl-C drains and stops.");
            shutdown.awaitOr(stack.worker()::awaitTermination);
            println(out, "draining and stopping");
            CliFailure.throwIfFailed("the worker", stack.worker().failure());
            return 0;
        } finally {
            shutdown.done();
        }
    }

    private static void println(PrintWriter out, String line) {
        out.println(line);
        out.flush();
    }
}
