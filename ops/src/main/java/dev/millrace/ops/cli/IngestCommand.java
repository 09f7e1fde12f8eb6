package dev.millrace.ops.cli;

import dev.millrace.ingest.IngestApp;
import dev.millrace.ingest.IngestConfig;
import dev.millrace.ops.embedded.LocalState;
import dev.millrace.ops.embedded.RoleHealth;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.schemas.Topics;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/** {@code millrace ingest}: the ingest role alone. */
@Command(
        name = "ingest",
        description =
                "Validates, dedupes and routes prompt jobs: one role against your own Kafka. Ctrl-C"
                        + " stops.")
public final class IngestCommand implements Callable<Integer> {
    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            description = "Stream threads (default ${DEFAULT-VALUE}).")
    int threads;

    @Option(
            names = "--pool",
            paramLabel = "NAME",
            defaultValue = Topics.DEFAULT_POOL,
            description =
                    "Pool of the models that --route does not name (default ${DEFAULT-VALUE}).")
    String pool;

    @Option(
            names = "--route",
            paramLabel = "MODEL=POOL",
            description = "Sends the jobs of a model to a pool; repeat for more.")
    Map<String, String> routes = new HashMap<>();

    @Option(
            names = "--allow-model",
            paramLabel = "MODEL",
            description =
                    "Refuses jobs for any other model; repeat for more (default: any model is"
                            + " routed).")
    Set<String> models = new HashSet<>();

    @Mixin TenantOptions tenants;

    @Mixin ConnectionOptions connection;

    @Mixin RoleOptions role;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        var properties = connection.requireAll();
        Shutdown shutdown = Shutdown.onSignal();
        try (LocalState state = LocalState.open(role.stateDir().resolve("ingest"));
                IngestApp app =
                        new IngestApp(
                                config(state.dir(), properties),
                                role.metrics(),
                                InstantSource.system());
                HttpPort http =
                        role.serve(spec.commandLine().getOut(), () -> RoleHealth.notReady(app))) {
            app.start();
            shutdown.awaitOr(app::awaitStopped);
            CliFailure.throwIfFailed("ingest", app.failure());
        } finally {
            shutdown.done();
        }
        return 0;
    }

    private IngestConfig config(Path stateDir, Map<String, Object> properties) {
        return IngestConfig.defaults(stateDir, properties)
                .withModels(pool, routes, models)
                .withStreamThreads(threads)
                .withPolicies(tenants.policies());
    }
}
