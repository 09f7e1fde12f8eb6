package dev.millrace.ops.cli;

import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code millrace deadline}. */
@Command(
        name = "deadline",
        description = {
            "Sets or takes away the deadline of a batch or a job. What has not ended by then ends"
                + " as EXPIRED, running",
            "jobs with what they have made."
        })
public final class DeadlineCommand implements Callable<Integer> {
    private static final Pattern AMOUNT = Pattern.compile("(\\d+)(ms|s|m|h|d)");

    @ArgGroup(multiplicity = "1")
    When when;

    @Mixin OrderOptions order;

    @Spec CommandSpec spec;

    /** Exactly one of the three. */
    static final class When {
        @Option(
                names = "--at",
                paramLabel = "TIME",
                description =
                        "An instant, for example 2026-12-01T06:00:00Z or"
                            + " 2026-12-01T07:00:00+01:00.")
        String at;

        @Option(
                names = "--in",
                paramLabel = "AMOUNT",
                description = "From now: a number with ms, s, m, h or d, for example 90m.")
        String in;

        @Option(names = "--none", description = "No deadline any more.")
        boolean none;
    }

    @Override
    public Integer call() {
        Instant deadline = deadline(InstantSource.system().instant());
        String done = deadline == null ? "no deadline for" : "deadline " + deadline + " for";
        spec.commandLine()
                .getOut()
                .println(
                        order.give(
                                done,
                                (publisher, target) -> publisher.setDeadline(target, deadline)));
        return 0;
    }

    private Instant deadline(Instant now) {
        if (when.none) {
            return null;
        }
        if (when.in != null) {
            return now.plus(amount("--in", when.in));
        }
        try {
            return OffsetDateTime.parse(when.at).toInstant();
        } catch (DateTimeException e) {
            throw CliFailure.usage(
                    "--at " + when.at + " is no instant such as 2026-12-01T06:00:00Z");
        }
    }

    /** A length of time as people write it: 500ms, 30s, 5m, 2h, 7d. */
    static Duration amount(String option, String text) {
        Matcher matcher = AMOUNT.matcher(text.toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw CliFailure.usage(
                    option + " " + text + " is no length of time such as 30s, 5m, 2h or 7d");
        }
        try {
            long n = Long.parseLong(matcher.group(1));
            return switch (matcher.group(2)) {
                case "ms" -> Duration.ofMillis(n);
                case "s" -> Duration.ofSeconds(n);
                case "m" -> Duration.ofMinutes(n);
                case "h" -> Duration.ofHours(n);
                default -> Duration.ofDays(n);
            };
        } catch (NumberFormatException | ArithmeticException e) {
            throw CliFailure.usage(option + " " + text + " is too long");
        }
    }
}
