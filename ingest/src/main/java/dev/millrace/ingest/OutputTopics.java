package dev.millrace.ingest;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Looks at the topics before the start, because Kafka Streams says little and late when one is
 * missing or too small.
 */
final class OutputTopics {
    private static final long TIMEOUT_S = 30;

    /** What a record takes in a batch besides its value: batch header, key, headers. */
    private static final int OVERHEAD_BYTES = 4096;

    private OutputTopics() {}

    /**
     * The config with what the topics say: the size of the largest value that every output topic
     * takes, and over how many tasks jobs spread.
     *
     * @throws IllegalStateException when a topic is missing, Kafka does not answer, it refuses the
     *     request, or completions do not lie in the partitions of their jobs, though they are read
     */
    static IngestConfig fit(IngestConfig config) throws InterruptedException {
        List<String> outputs = new ArrayList<>(config.pools().stream().map(Topics::ready).toList());
        outputs.addAll(List.of(Topics.COMPLETIONS, Topics.DEAD_LETTERS, Topics.BATCH_EVENTS));
        if (config.policies().reusesEqualAnswers()) {
            outputs.add(Topics.ANSWERS);
        }
        Set<String> needed = new TreeSet<>(outputs);
        needed.addAll(List.of(Topics.PROMPTS, Topics.SHARED_PREFIXES, Topics.CONTROL));
        Object servers = config.clientProperties().get("bootstrap.servers");
        try (Admin admin = Admin.create(config.clientProperties())) {
            needed.removeAll(admin.listTopics().names().get(TIMEOUT_S, TimeUnit.SECONDS));
            if (!needed.isEmpty()) {
                throw new IllegalStateException(
                        "Kafka at "
                                + servers
                                + " lacks the topics "
                                + needed
                                + "; create them first (millrace topics create)");
            }
            int bytes =
                    Math.min(config.recordBytesMax(), smallest(admin, outputs) - OVERHEAD_BYTES);
            IngestPolicies policies = config.policies().withTasks(tasks(admin, config.policies()));
            return config.withRecordBytesMax(bytes).withPolicies(policies);
        } catch (TimeoutException e) {
            throw new IllegalStateException(
                    "Kafka at " + servers + " did not answer within " + TIMEOUT_S + " s", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(
                    "Kafka at " + servers + ": " + e.getCause().getMessage(), e.getCause());
        } catch (KafkaException e) {
            String reason = e.getCause() == null ? e.getMessage() : e.getCause().getMessage();
            throw new IllegalStateException("Kafka at " + servers + ": " + reason, e);
        }
    }

    private static int tasks(Admin admin, IngestPolicies policies)
            throws InterruptedException, ExecutionException, TimeoutException {
        Map<String, TopicDescription> topics =
                admin.describeTopics(List.of(Topics.PROMPTS, Topics.COMPLETIONS))
                        .allTopicNames()
                        .get(TIMEOUT_S, TimeUnit.SECONDS);
        int prompts = topics.get(Topics.PROMPTS).partitions().size();
        int completions = topics.get(Topics.COMPLETIONS).partitions().size();
        if (policies.readsCompletions() && prompts != completions) {
            throw new IllegalStateException(
                    "quotas and stored answers need as many partitions in "
                            + Topics.COMPLETIONS
                            + " ("
                            + completions
                            + ") as in "
                            + Topics.PROMPTS
                            + " ("
                            + prompts
                            + ")");
        }
        return prompts;
    }

    private static int smallest(Admin admin, Collection<String> topics)
            throws InterruptedException, ExecutionException, TimeoutException {
        List<ConfigResource> resources =
                topics.stream()
                        .map(topic -> new ConfigResource(ConfigResource.Type.TOPIC, topic))
                        .toList();
        Map<ConfigResource, Config> configs =
                admin.describeConfigs(resources).all().get(TIMEOUT_S, TimeUnit.SECONDS);
        return configs.values().stream()
                .mapToInt(
                        config ->
                                Integer.parseInt(
                                        config.get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value()))
                .min()
                .orElseThrow();
    }
}
