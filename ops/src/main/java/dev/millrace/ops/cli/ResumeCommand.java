package dev.millrace.ops.cli;

import dev.millrace.ops.control.ControlPublisher;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.util.concurrent.Callable;

/** {@code millrace resume}. */
@Command(
        name = "resume",
        description = {"Lets a paused batch or job go on."})
public final class ResumeCommand implements Callable<Integer> {
    @Mixin OrderOptions order;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(order.give("resumed", ControlPublisher::resume));
        return 0;
    }
}
