package dev.millrace.ops.console;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.status.StatusJson;
import dev.millrace.ops.status.StatusSnapshot;

import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Comparator;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What the page shows, as one JSON object: the status as {@code millrace status --json} has it,
 * with true lag by tenant and batch, the charts' history, dead letters and the last forecast.
 */
final class OpsView {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TENANTS_MAX = 50;
    private static final int BATCHES_MAX = 100;

    private OpsView() {}

    static String text(
            StatusSnapshot status,
            LagSnapshot lag,
            History history,
            DeadLetterTail letters,
            BatchForecasts.Checked forecast) {
        try {
            ObjectNode json = (ObjectNode) JSON.readTree(StatusJson.text(status));
            json.put("at_ms", lag.at().toEpochMilli());
            json.set("lag", topics(lag));
            ArrayNode batches = (ArrayNode) json.get("batches");
            while (batches.size() > BATCHES_MAX) {
                batches.remove(batches.size() - 1);
            }
            batches.forEach(batch -> addLag((ObjectNode) batch, lag));
            history.write(json.putObject("series"));
            writeLetters(json.putObject("dead_letters"), letters);
            if (forecast != null) {
                json.putObject("last_forecast")
                        .put("batch", forecast.batch())
                        .put("predicted_seconds", forecast.predictedSeconds())
                        .put("actual_seconds", forecast.actualSeconds());
            }
            return JSON.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The answer to a request: what was seen last, and how it stands now. */
    static String answer(String lastSeen, String problem, Instant now) {
        ObjectNode envelope = JSON.createObjectNode();
        envelope.put("now_ms", now.toEpochMilli());
        envelope.put("problem", problem);
        String head = envelope.toString();
        return head.substring(0, head.length() - 1)
                + ",\"status\":"
                + (lastSeen == null ? "null" : lastSeen)
                + "}";
    }

    private static void addLag(ObjectNode batch, LagSnapshot lag) {
        Amount amount = lag.batches().get(batch.get("id").asText());
        if (amount != null) {
            write(batch.putObject("lag"), amount, lag.at());
            if (amount.secondsLeft().isPresent()) {
                batch.put("seconds_left", amount.secondsLeft().getAsDouble());
            }
        }
    }

    private static ArrayNode topics(LagSnapshot lag) {
        ArrayNode topics = JSON.createArrayNode();
        for (LagSnapshot.TopicView topic : lag.topics()) {
            ObjectNode node = topics.addObject();
            node.put("topic", topic.topic());
            node.put("group", topic.group());
            write(node, topic.total(), lag.at());
            node.put("unattributed", topic.unattributed());
            ObjectNode tenants = node.putObject("tenants");
            topic.tenants().entrySet().stream()
                    .sorted(
                            Comparator.comparingLong(
                                    (Map.Entry<String, Amount> e) -> -e.getValue().records()))
                    .limit(TENANTS_MAX)
                    .forEach(e -> write(tenants.putObject(e.getKey()), e.getValue(), lag.at()));
            ArrayNode partitions = node.putArray("partitions");
            topic.partitions()
                    .forEach(
                            partition ->
                                    partitions
                                            .addObject()
                                            .put("partition", partition.partition())
                                            .put("records", partition.records())
                                            .put("idle_seconds", partition.idleSeconds()));
        }
        return topics;
    }

    private static void write(ObjectNode node, Amount amount, Instant now) {
        node.put("records", amount.records());
        node.put("prompt_tokens", amount.promptTokens());
        OptionalDouble left = amount.secondsLeft();
        node.put("seconds_left", left.isPresent() ? left.getAsDouble() : null);
        node.put("oldest_age_seconds", amount.oldestAgeSeconds(now));
    }

    private static void writeLetters(ObjectNode node, DeadLetterTail letters) {
        node.put("count", letters.count());
        ArrayNode newest = node.putArray("newest");
        for (DeadLetterTail.Row row : letters.newest()) {
            newest.addObject()
                    .put("source", row.source())
                    .put("code", row.code())
                    .put("reason", row.reason())
                    .put("failed_by", row.failedBy())
                    .put("at_ms", row.at().toEpochMilli());
        }
    }
}
