package dev.millrace.ops.cli;

import dev.millrace.ops.control.ControlPublisher;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.util.concurrent.Callable;

/** {@code millrace cancel}. */
@Command(
        name = "cancel",
        description = {
            "Cancels a batch or a job, for good. Jobs that wait end as CANCELLED; running ones are"
                + " stopped and end as",
            "CANCELLED with what they have made, which is charged."
        })
public final class CancelCommand implements Callable<Integer> {
    @Mixin OrderOptions order;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(order.give("cancelled", ControlPublisher::cancel));
        return 0;
    }
}
