package dev.millrace.ops.cli;

import dev.millrace.ops.topics.TopicAdmin;
import dev.millrace.schemas.Topics;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.util.List;
import java.util.concurrent.Callable;

/** {@code millrace topics create|check}. */
@Command(
        name = "topics",
        description = "Creates and verifies the topics.",
        synopsisSubcommandLabel = "create|check")
public final class TopicsCommand implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return 2;
    }

    @Command(
            name = "create",
            description =
                    "Creates the topics that are missing; existing ones are left as they are.")
    int create(
            @Mixin ConnectionOptions connection,
            @Mixin TopicOptions topics,
            @Option(
                            names = "--replication-factor",
                            defaultValue = "-1",
                            description =
                                    "Copies of each partition (default: the broker's default).")
                    short replication)
            throws InterruptedException {
        connection.requireKafka();
        try (TopicAdmin admin = new TopicAdmin(connection.properties())) {
            List<String> created = admin.create(topics.specs(), replication);
            println(
                    created.isEmpty()
                            ? "all topics exist"
                            : "created " + String.join(", ", created));
            return complain(admin.check(topics.specs()));
        }
    }

    @Command(
            name = "check",
            description = "Says what is missing or wrong; exit code 1 if anything is.")
    int check(@Mixin ConnectionOptions connection, @Mixin TopicOptions topics)
            throws InterruptedException {
        connection.requireKafka();
        try (TopicAdmin admin = new TopicAdmin(connection.properties())) {
            return complain(admin.check(topics.specs()));
        }
    }

    private int complain(List<String> problems) {
        problems.forEach(problem -> spec.commandLine().getErr().println("millrace: " + problem));
        if (problems.isEmpty()) {
            println("all topics are as they must be");
        }
        return problems.isEmpty() ? 0 : 1;
    }

    private void println(String line) {
        spec.commandLine().getOut().println(line);
    }

    /** Which topics. */
    static final class TopicOptions {
        @Option(
                names = "--pool",
                defaultValue = Topics.DEFAULT_POOL,
                description = "The pool whose ready topic is meant (default ${DEFAULT-VALUE}).")
        String pool;

        @Option(
                names = "--partitions",
                paramLabel = "N",
                defaultValue = "8",
                description = "Partitions of the topics that scale (default ${DEFAULT-VALUE}).")
        int partitions;

        List<Topics.Spec> specs() {
            try {
                return Topics.all(pool, partitions);
            } catch (IllegalArgumentException e) {
                throw CliFailure.usage(e.getMessage());
            }
        }
    }
}
