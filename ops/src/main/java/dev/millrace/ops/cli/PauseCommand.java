package dev.millrace.ops.cli;

import dev.millrace.ops.control.ControlPublisher;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.util.concurrent.Callable;

/** {@code millrace pause}. */
@Command(
        name = "pause",
        description = {
            "Keeps the jobs of a batch, or one job, from starting until they are resumed. Jobs that"
                + " run go on."
        })
public final class PauseCommand implements Callable<Integer> {
    @Mixin OrderOptions order;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(order.give("paused", ControlPublisher::pause));
        return 0;
    }
}
