package dev.millrace.ops.cli;

import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagSnapshot.TopicView;
import dev.millrace.ops.lag.LagTracker;
import dev.millrace.schemas.Topics;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.time.InstantSource;
import java.util.Locale;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** {@code millrace lag}: true lag by topic, tenant and batch. */
@Command(
        name = "lag",
        description = {
            "True lag by topic, tenant and batch, in records, prompt tokens and time left. Looks"
                    + " twice, to see how fast",
            "things move."
        })
public final class LagCommand implements Callable<Integer> {
    @Option(names = "--watch", description = "Again and again until Ctrl-C.")
    boolean watch;

    @Option(
            names = "--pool",
            paramLabel = "NAME",
            defaultValue = Topics.DEFAULT_POOL,
            description = "The pool whose ready topic is meant (default ${DEFAULT-VALUE}).")
    String pool;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        Logs.quiet();
        connection.requireKafka();
        CountDownLatch never = new CountDownLatch(1);
        try (LagTracker tracker =
                new LagTracker(connection.properties(), pool, InstantSource.system())) {
            do {
                tracker.look();
                if (never.await(2, TimeUnit.SECONDS)) {
                    return 0;
                }
                print(tracker.look());
            } while (watch);
        }
        return 0;
    }

    private void print(LagSnapshot lag) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "%-28s %14s %14s %14s %14s%n",
                "", "records", "prompt tokens", "time left", "oldest");
        for (TopicView topic : lag.topics()) {
            out.println(row(topic.topic(), topic.total(), lag));
            new TreeMap<>(topic.tenants())
                    .forEach(
                            (tenant, amount) ->
                                    out.println(row("  tenant " + name(tenant), amount, lag)));
            if (topic.unattributed() > 0) {
                out.println("  of these not read yet: " + Format.count(topic.unattributed()));
            }
        }
        new TreeMap<>(lag.batches())
                .forEach((batch, amount) -> out.println(row("batch " + batch, amount, lag)));
        out.flush();
    }

    private static String name(String tenant) {
        return tenant.isEmpty() ? "unknown" : tenant;
    }

    private static String row(String name, Amount amount, LagSnapshot lag) {
        boolean isDone = amount.records() == 0;
        return String.format(
                Locale.ROOT,
                "%-28s %14s %14s %14s %14s",
                name,
                Format.count(amount.records()),
                Format.count(amount.promptTokens()),
                isDone ? "–" : Format.duration(amount.secondsLeft().orElse(Double.NaN)),
                isDone ? "–" : Format.duration(amount.oldestAgeSeconds(lag.at())));
    }
}
