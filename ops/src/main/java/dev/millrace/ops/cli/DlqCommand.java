package dev.millrace.ops.cli;

import dev.millrace.ops.dlq.DeadLetterLog;
import dev.millrace.ops.dlq.DeadLetterReplay;
import dev.millrace.ops.dlq.DeadLetterText;
import dev.millrace.schemas.DeadLetter;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** {@code millrace dlq list|show|replay}: records that could not be read. */
@Command(
        name = "dlq",
        description = "Shows records that could not be read, and publishes them again after a fix.",
        synopsisSubcommandLabel = "list|show|replay")
public final class DlqCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return 2;
    }

    /** Which letters are meant. */
    static final class FilterOptions {
        @Option(
                names = "--reason",
                paramLabel = "CODE",
                description = "Only with this reason, for example unreadable_record.")
        String reason;

        @Option(
                names = "--source",
                paramLabel = "TOPIC",
                description = "Only records that were read from this topic.")
        String source;

        @Option(
                names = "--since",
                paramLabel = "AMOUNT",
                description = "Only those of the last 30s, 5m, 2h or 7d.")
        String since;

        boolean isEmpty() {
            return reason == null && source == null && since == null;
        }

        DeadLetterLog.Filter filter(Set<String> ids) {
            var from =
                    since == null
                            ? null
                            : InstantSource.system()
                                    .instant()
                                    .minus(DeadlineCommand.amount("--since", since));
            return new DeadLetterLog.Filter(ids, reason, source, from);
        }
    }

    @Command(
            name = "list",
            description = "One line per record, and how many there are of each reason and source.")
    int list(
            @Mixin ConnectionOptions connection,
            @Mixin FilterOptions filter,
            @Option(
                            names = "--limit",
                            paramLabel = "N",
                            defaultValue = "100",
                            description =
                                    "Lines at most; counts are of all (default ${DEFAULT-VALUE}).")
                    int limit) {
        Logs.quiet();
        PrintWriter out = spec.commandLine().getOut();
        Map<String, Long> counts = new TreeMap<>();
        AtomicLong total = new AtomicLong();
        try (DeadLetterLog log = new DeadLetterLog(connection.requireAll())) {
            log.forEach(
                    filter.filter(Set.of()),
                    letter -> {
                        if (total.getAndIncrement() < limit) {
                            out.println(DeadLetterText.row(letter));
                        }
                        counts.merge(
                                letter.getError().getCode() + " from " + letter.getSourceTopic(),
                                1L,
                                Long::sum);
                    });
        }
        if (total.get() > limit) {
            out.println(
                    "... and " + Format.count(total.get() - limit) + " more; --limit shows them");
        }
        counts.forEach((what, count) -> out.println(Format.count(count) + " " + what));
        out.println(Format.count(total.get()) + " dead letters");
        return 0;
    }

    @Command(
            name = "show",
            description =
                    "All that is known of one record. Its value may hold a prompt and is shown only"
                        + " with --show-value.")
    int show(
            @Mixin ConnectionOptions connection,
            @Option(
                            names = "--show-value",
                            description = "Show the record's value, as bytes and as text.")
                    boolean value,
            @Parameters(
                            paramLabel = "ID",
                            description = "The record, as list names it: topic-partition-offset.")
                    String id) {
        Logs.quiet();
        AtomicLong found = new AtomicLong();
        try (DeadLetterLog log = new DeadLetterLog(connection.requireAll())) {
            log.forEach(
                    new DeadLetterLog.Filter(Set.of(id), null, null, null),
                    letter -> {
                        found.incrementAndGet();
                        spec.commandLine().getOut().print(DeadLetterText.describe(letter, value));
                    });
        }
        if (found.get() == 0) {
            throw CliFailure.failed(
                    "there is no dead letter '" + id + "'; 'dlq list' shows those that there are");
        }
        return 0;
    }

    @Command(
            name = "replay",
            description = {
                "Publishes records again to the topic they came from, with the header "
                        + DeadLetterReplay.REPLAY_OF
                        + ".",
                "Name records, or give a filter, or --all. Replaying a job twice is safe: the"
                    + " second one is a duplicate."
            })
    int replay(
            @Mixin ConnectionOptions connection,
            @Mixin FilterOptions filter,
            @Option(names = "--all", description = "Every dead letter.") boolean all,
            @Option(names = "--dry-run", description = "Only say what would be done.")
                    boolean dryRun,
            @Parameters(
                            paramLabel = "ID",
                            arity = "0..*",
                            description = "Records, as list names them.")
                    List<String> ids) {
        Logs.quiet();
        Set<String> wanted = ids == null ? Set.of() : new HashSet<>(ids);
        if (!all && filter.isEmpty() && wanted.isEmpty()) {
            throw CliFailure.usage(
                    "name records, or give --reason, --source or --since, or say --all");
        }
        Map<String, Object> properties = connection.requireAll();
        Replayed replayed = new Replayed(spec.commandLine().getErr());
        try (DeadLetterLog log = new DeadLetterLog(properties);
                DeadLetterReplay replay =
                        dryRun ? null : new DeadLetterReplay(properties, InstantSource.system())) {
            log.forEach(filter.filter(wanted), letter -> replayed.take(letter, replay));
            if (replay != null) {
                replay.finish();
            }
        }
        return replayed.report(spec.commandLine().getOut(), dryRun, wanted);
    }

    /** Counts of one replay. */
    private static final class Replayed {
        private final LiveLine progress;
        private final Set<String> seen = new HashSet<>();
        private final Map<String, Long> topics = new TreeMap<>();
        private long total;
        private long withoutValue;
        private long answers;

        Replayed(PrintWriter err) {
            progress = new LiveLine(err, LiveLine.onTerminal());
        }

        void take(DeadLetter letter, DeadLetterReplay replay) {
            if (!seen.add(DeadLetterLog.idOf(letter))) {
                return;
            }
            switch (DeadLetterReplay.verdictOn(letter)) {
                case WITHOUT_VALUE -> withoutValue++;
                case READ_BY_OTHERS -> answers++;
                case REPLAYABLE -> {
                    total++;
                    topics.merge(letter.getSourceTopic(), 1L, Long::sum);
                    if (replay != null) {
                        replay.replay(letter);
                        progress.show(
                                Format.count(replay.acknowledged()) + " replayed",
                                TimeUnit.NANOSECONDS.toMillis(System.nanoTime()));
                    }
                }
            }
        }

        int report(PrintWriter out, boolean dryRun, Set<String> wanted) {
            String verb = dryRun ? " would be replayed to " : " replayed to ";
            topics.forEach((topic, count) -> out.println(Format.count(count) + verb + topic));
            if (withoutValue > 0) {
                out.println(
                        Format.count(withoutValue)
                                + " have no value (it was too large to be set aside): publish them"
                                + " anew");
            }
            if (answers > 0) {
                out.println(
                        Format.count(answers)
                                + " come from a topic of answers, which others have read: not"
                                + " replayed");
            }
            wanted.stream()
                    .filter(id -> !seen.contains(id))
                    .sorted()
                    .forEach(id -> out.println("no dead letter " + id));
            out.println(Format.count(total) + (dryRun ? " would be replayed" : " replayed"));
            return seen.containsAll(wanted) && withoutValue + answers == 0 ? 0 : 1;
        }
    }
}
