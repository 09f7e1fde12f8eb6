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

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;

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

    private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("demo", DemoCommand::new);
        COMMANDS.put("up", UpCommand::new);
        COMMANDS.put("submit", SubmitCommand::new);
        COMMANDS.put("results", ResultsCommand::new);
        COMMANDS.put("status", StatusCommand::new);
        COMMANDS.put("lag", LagCommand::new);
        COMMANDS.put("ops", OpsCommand::new);
        COMMANDS.put("cancel", CancelCommand::new);
        COMMANDS.put("pause", PauseCommand::new);
        COMMANDS.put("resume", ResumeCommand::new);
        COMMANDS.put("priority", PriorityCommand::new);
        COMMANDS.put("deadline", DeadlineCommand::new);
        COMMANDS.put("dlq", DlqCommand::new);
        COMMANDS.put("plan", PlanCommand::new);
        COMMANDS.put("ingest", IngestCommand::new);
        COMMANDS.put("worker", WorkerCommand::new);
        COMMANDS.put("sink", SinkCommand::new);
        COMMANDS.put("gateway", GatewayCommand::new);
        COMMANDS.put("topics", TopicsCommand::new);
        COMMANDS.put("generate", GenerateCommand::new);
        COMMANDS.put("prompt", PromptCommand::new);
        COMMANDS.put("bench", BenchCommand::new);
    }

    private Millrace() {}

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "Print the stack trace of a failure.")
    boolean stacktrace;

    public static void main(String[] args) {
        System.exit(commandLine(args).execute(args));
    }

    /** The whole command line, ready to execute; tests use it without ending the JVM. */
    public static CommandLine commandLine() {
        // These two tell of the others, so they are never read alone.
        Stream<Supplier<Object>> onAll =
                Stream.of(AutoComplete.GenerateCompletion::new, HelpCommand::new);
        return line(Stream.concat(COMMANDS.values().stream(), onAll));
    }

    /**
     * As much of the command line as these arguments need: reading two dozen commands' options takes
     * a quarter of a second, and every start would wait for it.
     */
    static CommandLine commandLine(String... args) {
        String first = args.length == 0 ? "" : args[0];
        Supplier<Object> alone = COMMANDS.get(first);
        return alone == null ? commandLine() : line(Stream.of(alone));
    }

    private static CommandLine line(Stream<Supplier<Object>> commands) {
        Millrace root = new Millrace();
        CommandLine line = new CommandLine(root);
        commands.forEach(command -> line.addSubcommand(command.get()));
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
