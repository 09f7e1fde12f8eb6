package dev.millrace.ops.cli;

import dev.millrace.ops.embedded.LocalState;
import dev.millrace.ops.embedded.RoleHealth;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.sink.SinkApp;
import dev.millrace.sink.SinkConfig;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.util.concurrent.Callable;

/** {@code millrace sink}: the sink role alone. */
@Command(
        name = "sink",
        description =
                "Follows completions: batch progress and usage per tenant, one role against your"
                        + " own Kafka. Ctrl-C stops.")
public final class SinkCommand implements Callable<Integer> {
    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            description = "Stream threads (default ${DEFAULT-VALUE}).")
    int threads;

    @Mixin ConnectionOptions connection;

    @Mixin RoleOptions role;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        var properties = connection.requireAll();
        Shutdown shutdown = Shutdown.onSignal();
        try (LocalState state = LocalState.open(role.stateDir().resolve("sink"));
                SinkApp app =
                        new SinkApp(
                                SinkConfig.defaults(state.dir(), properties).withThreads(threads),
                                role.metrics());
                HttpPort http =
                        role.serve(spec.commandLine().getOut(), () -> RoleHealth.notReady(app))) {
            app.start();
            shutdown.awaitOr(app::awaitStopped);
            CliFailure.throwIfFailed("the sink", app.failure());
        } finally {
            shutdown.done();
        }
        return 0;
    }
}
