package dev.millrace.ops;

import dev.millrace.ops.cli.BenchCommand;
import dev.millrace.ops.cli.CancelCommand;
import dev.millrace.ops.cli.CliFailure;
import dev.millrace.ops.cli.DeadlineCommand;
import dev.millrace.ops.cli.DemoCommand;
import dev.millrace.ops.cli.DlqCommand;
import dev.millrace.ops.cli.GatewayCommand;
import dev.millrace.ops.cli.GenerateCommand;
import dev.millrace.ops.cli.IngestCommand;
import dev.millrace.ops.cli.LagCommand;
import dev.millrace.ops.cli.OpsCommand;
import dev.millrace.ops.cli.PauseCommand;
import dev.millrace.ops.cli.PriorityCommand;
import dev.millrace.ops.cli.PlanCommand;
import dev.millrace.ops.cli.PromptCommand;
import dev.millrace.ops.cli.ResultsCommand;
import dev.millrace.ops.cli.ResumeCommand;
import dev.millrace.ops.cli.SinkCommand;
import dev.millrace.ops.cli.StatusCommand;
import dev.millrace.ops.cli.SubmitCommand;
import dev.millrace.ops.cli.TopicsCommand;
import dev.millrace.ops.cli.UpCommand;
import dev.millrace.ops.cli.WorkerCommand;

import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line: {@code millrace COMMAND}. */
@Command(
        name = "millrace",
        version = "millrace 0.1.0",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        synopsisSubcommandLabel = "COMMAND",
        description =
                "Batch LLM inference on Kafka: every prompt comes out as exactly one completion.",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:success",
            "1:the command failed; the message says why",
            "2:the command line or an input file is wrong"
        })
public final class Millrace {

    private Millrace() {}

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "Print the stack trace of a failure.")
    boolean stacktrace;

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The whole command line, ready to execute; tests use it without ending the JVM. */
    public static CommandLine commandLine() {
        Millrace root = new Millrace();
        CommandLine line =
                new CommandLine(root)
                        .addSubcommand(new DemoCommand())
                        .addSubcommand(new UpCommand())
                        .addSubcommand(new SubmitCommand())
                        .addSubcommand(new ResultsCommand())
                        .addSubcommand(new StatusCommand())
                        .addSubcommand(new LagCommand())
                        .addSubcommand(new OpsCommand())
                        .addSubcommand(new CancelCommand())
                        .addSubcommand(new PauseCommand())
                        .addSubcommand(new ResumeCommand())
                        .addSubcommand(new PriorityCommand())
                        .addSubcommand(new DeadlineCommand())
                        .addSubcommand(new DlqCommand())
                        .addSubcommand(new PlanCommand())
                        .addSubcommand(new IngestCommand())
                        .addSubcommand(new WorkerCommand())
                        .addSubcommand(new SinkCommand())
                        .addSubcommand(new GatewayCommand())
                        .addSubcommand(new TopicsCommand())
                        .addSubcommand(new GenerateCommand())
                        .addSubcommand(new PromptCommand())
                        .addSubcommand(new BenchCommand())
                        .addSubcommand(new AutoComplete.GenerateCompletion())
                        .addSubcommand(new HelpCommand());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler(
                (failure, command, parsed) -> report(failure, command, root.stacktrace));
        return line;
    }

    private static int report(Exception failure, CommandLine command, boolean stacktrace) {
        command.getErr().println("millrace: " + CliFailure.describe(failure));
        if (stacktrace) {
            failure.printStackTrace(command.getErr());
        }
        return failure instanceof CliFailure cli ? cli.exitCode() : CommandLine.ExitCode.SOFTWARE;
    }
}
