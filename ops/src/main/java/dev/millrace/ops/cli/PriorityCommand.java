package dev.millrace.ops.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.util.concurrent.Callable;

/** {@code millrace priority}. */
@Command(
        name = "priority",
        description =
                "Sets the priority of a batch or a job: of those that wait, the higher one goes"
                    + " first.")
public final class PriorityCommand implements Callable<Integer> {
    @Option(
            names = "--to",
            required = true,
            paramLabel = "N",
            description =
                    "The new priority; jobs have 0 unless they say otherwise, negative is lower.")
    int priority;

    @Mixin OrderOptions order;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        String done = "priority " + priority + " for";
        spec.commandLine()
                .getOut()
                .println(
                        order.give(
                                done,
                                (publisher, target) -> publisher.setPriority(target, priority)));
        return 0;
    }
}
