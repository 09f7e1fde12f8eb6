package dev.millrace.ops.cli;

import dev.millrace.ops.plan.CapacityPlan;
import dev.millrace.ops.plan.RateSource;
import dev.millrace.ops.plan.WorkerRate;
import dev.millrace.schemas.Topics;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code millrace plan}: workers, hours and cost for a load. */
@Command(
        name = "plan",
        description = {
            "How many workers a load needs to be done in time, how long they take and what it"
                    + " costs; prints what it assumes.",
            "For example: millrace plan --prompts 20000000 --in 900 --shared 700 --out 120 --by 24h"
                    + " --rate-from 14000,1900"
        })
public final class PlanCommand implements Callable<Integer> {
    private static final Pattern SHORT = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([smhd])");

    @Option(names = "--prompts", paramLabel = "N", required = true, description = "How many.")
    long prompts;

    @Option(
            names = "--in",
            paramLabel = "TOKENS",
            required = true,
            description = "Tokens of a prompt, the shared part included.")
    double in;

    @Option(
            names = "--out",
            paramLabel = "TOKENS",
            required = true,
            description = "Tokens of an answer.")
    double outTokens;

    @Option(
            names = "--shared",
            paramLabel = "TOKENS",
            defaultValue = "0",
            description = "Tokens at the beginning of each prompt that many have in common.")
    double shared;

    @Option(
            names = "--by",
            paramLabel = "DURATION|INSTANT",
            required = true,
            description = "When it must be done: 90m, 24h, 2d, PT36H or 2026-12-24T06:00:00Z.")
    String by;

    @Option(
            names = "--rate-from",
            paramLabel = "SOURCE",
            defaultValue = "worker-stats",
            description =
                    "How fast one worker is: worker-stats (what the workers of --pool have"
                            + " reached), IN,OUT in tokens/s, or a properties file with"
                            + " prompt_tokens_per_second and output_tokens_per_second (default"
                            + " ${DEFAULT-VALUE}).")
    String rateFrom;

    @Option(
            names = "--cost-per-hour",
            paramLabel = "X",
            defaultValue = "0",
            description = "Of one worker, in any currency.")
    double costPerHour;

    @Option(
            names = "--pool",
            paramLabel = "NAME",
            defaultValue = Topics.DEFAULT_POOL,
            description = "Whose workers are asked (default ${DEFAULT-VALUE}).")
    String pool;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        Logs.quiet();
        try {
            double seconds = secondsUntil(by, InstantSource.system().instant());
            CapacityPlan.Load load =
                    new CapacityPlan.Load(prompts, in, outTokens, shared, seconds, costPerHour);
            CapacityPlan.of(load, rate()).lines().forEach(spec.commandLine().getOut()::println);
            return 0;
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        } catch (IllegalStateException e) {
            throw CliFailure.failed(e.getMessage());
        }
    }

    private WorkerRate rate() {
        if (rateFrom.equals("worker-stats")) {
            return RateSource.workerStats(connection.requireAll(), pool);
        }
        Path file = Path.of(rateFrom);
        return Files.isRegularFile(file) ? RateSource.file(file) : RateSource.numbers(rateFrom);
    }

    /** 90m, 24h, PT36H, or an instant. */
    static double secondsUntil(String by, Instant now) {
        Matcher matcher = SHORT.matcher(by.trim());
        if (matcher.matches()) {
            double unit =
                    switch (matcher.group(2)) {
                        case "s" -> 1;
                        case "m" -> 60;
                        case "h" -> 3600;
                        default -> 86400;
                    };
            return Double.parseDouble(matcher.group(1)) * unit;
        }
        try {
            return by.startsWith("P")
                    ? Duration.parse(by).toMillis() / 1000.0
                    : Duration.between(now, Instant.parse(by)).toMillis() / 1000.0;
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "--by '"
                            + by
                            + "' is no duration (24h, PT36H) and no instant"
                            + " (2026-12-24T06:00:00Z)",
                    e);
        }
    }
}
