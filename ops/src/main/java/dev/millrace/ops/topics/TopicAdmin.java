package dev.millrace.ops.topics;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;

/** Creates the topics of an installation and tells what is wrong with existing ones. */
public final class TopicAdmin implements AutoCloseable {
    private final Admin admin;

    public TopicAdmin(Map<String, Object> clientProperties) {
        this.admin = Admin.create(clientProperties);
    }

    /**
     * Creates what is missing; existing topics are left as they are.
     *
     * @param replicationFactor -1 takes the broker's default
     * @return the names created
     */
    public List<String> create(List<Topics.Spec> specs, short replicationFactor)
            throws InterruptedException {
        Set<String> existing = existing();
        List<NewTopic> missing =
                specs.stream()
                        .filter(spec -> !existing.contains(spec.name()))
                        .map(spec -> newTopic(spec, replicationFactor))
                        .toList();
        try {
            admin.createTopics(missing).all().get();
        } catch (ExecutionException e) {
            // Another process may create the same topics at the same moment.
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw new IllegalStateException(
                        "cannot create topics: " + e.getCause().getMessage(), e.getCause());
            }
        }
        return missing.stream().map(NewTopic::name).toList();
    }

    /** One sentence for each thing that is not as it must be; empty when all is well. */
    public List<String> check(List<Topics.Spec> specs) throws InterruptedException {
        Set<String> existing = existing();
        List<String> problems = new ArrayList<>();
        List<Topics.Spec> present =
                specs.stream().filter(spec -> existing.contains(spec.name())).toList();
        for (Topics.Spec spec : specs) {
            if (!existing.contains(spec.name())) {
                problems.add("topic " + spec.name() + " does not exist");
            }
        }
        try {
            Map<String, TopicDescription> descriptions =
                    admin.describeTopics(present.stream().map(Topics.Spec::name).toList())
                            .allTopicNames()
                            .get();
            Map<ConfigResource, Config> configs =
                    admin.describeConfigs(present.stream().map(TopicAdmin::resource).toList())
                            .all()
                            .get();
            for (Topics.Spec spec : present) {
                int partitions = descriptions.get(spec.name()).partitions().size();
                if (partitions != spec.partitions()) {
                    problems.add(
                            "topic "
                                    + spec.name()
                                    + " has "
                                    + partitions
                                    + " partitions, expected "
                                    + spec.partitions());
                }
                String policy = configs.get(resource(spec)).get("cleanup.policy").value();
                if (policy.contains("compact") != spec.compacted()) {
                    problems.add(
                            "topic "
                                    + spec.name()
                                    + " has cleanup.policy="
                                    + policy
                                    + ", expected "
                                    + (spec.compacted() ? "compact" : "delete"));
                }
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException(
                    "cannot describe topics: " + e.getCause().getMessage(), e.getCause());
        }
        return problems;
    }

    private Set<String> existing() throws InterruptedException {
        try {
            return admin.listTopics().names().get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(
                    "Kafka is not reachable: " + e.getCause().getMessage(), e.getCause());
        }
    }

    private static NewTopic newTopic(Topics.Spec spec, short replicationFactor) {
        NewTopic topic = new NewTopic(spec.name(), spec.partitions(), replicationFactor);
        if (!spec.compacted()) {
            return topic;
        }
        return topic.configs(
                spec.kept() == null
                        ? Map.of("cleanup.policy", "compact")
                        : Map.of(
                                "cleanup.policy",
                                "compact,delete",
                                "retention.ms",
                                Long.toString(spec.kept().toMillis())));
    }

    private static ConfigResource resource(Topics.Spec spec) {
        return new ConfigResource(ConfigResource.Type.TOPIC, spec.name());
    }

    @Override
    public void close() {
        admin.close();
    }

    /** Names of the topics as one line, for messages. */
    public static String names(List<Topics.Spec> specs) {
        return specs.stream().map(Topics.Spec::name).collect(Collectors.joining(", "));
    }
}
