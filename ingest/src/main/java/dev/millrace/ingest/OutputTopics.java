package dev.millrace.ingest;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
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
     * The size of the largest value that every output topic takes, at most {@code
     * config.recordBytesMax()}.
     *
     * @throws IllegalStateException when a topic is missing, Kafka does not answer, or it refuses
     *     the request
     */
    static int recordBytesMax(IngestConfig config) throws InterruptedException {
        List<String> outputs = new ArrayList<>(config.pools().stream().map(Topics::ready).toList());
        outputs.addAll(List.of(Topics.COMPLETIONS, Topics.DEAD_LETTERS, Topics.BATCH_EVENTS));
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
            return Math.min(config.recordBytesMax(), smallest(admin, outputs) - OVERHEAD_BYTES);
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
