package dev.millrace.ops.cli;

import dev.millrace.ops.embedded.RoleHealth;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;

import io.micrometer.core.instrument.MeterRegistry;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;

/** {@code millrace worker}: the worker role alone. */
@Command(
        name = "worker",
        description =
                "Runs jobs on a device: one role against your own Kafka. Ctrl-C drains and stops.")
public final class WorkerCommand implements Callable<Integer> {
    @Option(
            names = "--worker-id",
            paramLabel = "ID",
            defaultValue = "worker-1",
            description =
                    "Unique name of this worker, the same over restarts (default"
                            + " ${DEFAULT-VALUE}).")
    String workerId;

    @Option(
            names = "--pool",
            paramLabel = "NAME",
            defaultValue = Topics.DEFAULT_POOL,
            description = "The pool whose jobs it takes (default ${DEFAULT-VALUE}).")
    String pool;

    @Option(
            names = "--drain-timeout",
            paramLabel = "SECONDS",
            defaultValue = "30",
            description =
                    "Longest time to go on with running jobs after a stop signal (default"
                            + " ${DEFAULT-VALUE}).")
    int drainTimeoutSeconds;

    @Option(
            names = "--max-engine-failures",
            paramLabel = "N",
            defaultValue = "3",
            description =
                    "A job ends as FAILED once the engine has broken N times with it inside, the last"
                            + " time with no other; at least 2 (default ${DEFAULT-VALUE}).")
    int maxEngineFailures;

    @Mixin TenantWeightOptions tenants;

    @Mixin EngineOptions engine;

    @Mixin ConnectionOptions connection;

    @Mixin RoleOptions role;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        engine.check();
        WorkerConfig config = config(connection.requireAll());
        MeterRegistry meters = role.metrics();
        Shutdown shutdown = Shutdown.onSignal();
        try (WorkerApp app = WorkerApp.over(config, () -> engine.open(meters), meters);
                HttpPort http =
                        role.serve(spec.commandLine().getOut(), () -> RoleHealth.notReady(app))) {
            app.start();
            shutdown.awaitOr(app::awaitTermination);
            app.drain();
            app.awaitTermination(config.drainTimeout());
            CliFailure.throwIfFailed("the worker", app.failure());
        } finally {
            shutdown.done();
        }
        return 0;
    }

    private WorkerConfig config(Map<String, Object> clientProperties) {
        try {
            return WorkerConfig.defaults(workerId, pool, engine.deviceName(), clientProperties)
                    .withTenantWeights(tenants.weights)
                    .withMaxEngineFailures(maxEngineFailures)
                    .withDrainTimeout(Duration.ofSeconds(drainTimeoutSeconds));
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }
}
