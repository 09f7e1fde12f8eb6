package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;

import dev.millrace.ops.gateway.Batch.Problem;
import dev.millrace.ops.gateway.Batch.Results;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.SubmissionProgress;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

class BatchTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_800_000_000);
    private static final BatchRequest REQUEST =
            new BatchRequest("file-1", "/v1/completions", "2h", Map.of("k", "v"), null);

    @TempDir Path dir;

    private static Batch batch() {
        return new Batch("batch_1", "acme", REQUEST, "key", NOW);
    }

    private static BatchProgress progress(BatchStatus status, boolean sealed) {
        SubmissionProgress run =
                SubmissionProgress.newBuilder()
                        .setSealed(sealed)
                        .setAdmitted(new HashMap<>())
                        .setDuplicates(new HashMap<>())
                        .build();
        return BatchProgress.newBuilder()
                .setBatchId("batch_1")
                .setStatus(status)
                .setTotal(10)
                .setCompleted(5)
                .setFailed(1)
                .setExpired(2)
                .setCancelled(1)
                .setPromptTokens(100)
                .setCachedTokens(40)
                .setCompletionTokens(7)
                .setSubmissions(new HashMap<>(Map.of("s1", run)))
                .setCreatedAt(NOW)
                .setUpdatedAt(NOW)
                .build();
    }

    @Test
    void theWayToCompletion() {
        Batch batch = batch();
        batch.move(BatchStatus.IN_PROGRESS, NOW.plusSeconds(1));
        batch.move(BatchStatus.FINALIZING, NOW.plusSeconds(2));
        batch.end(
                BatchStatus.COMPLETED,
                progress(BatchStatus.COMPLETED, true),
                new Results("file-2", null),
                NOW.plusSeconds(3));
        assertTrue(batch.hasEnded());
        JsonNode json = BatchJson.of(batch, null);
        assertEquals("completed", json.get("status").asText());
        assertEquals(1_800_000_001, json.get("in_progress_at").asLong());
        assertEquals(1_800_000_002, json.get("finalizing_at").asLong());
        assertEquals(1_800_000_003, json.get("completed_at").asLong());
        assertTrue(json.get("cancelled_at").isNull());
        assertEquals(1_800_007_200, json.get("expires_at").asLong());
        assertEquals("file-2", json.get("output_file_id").asText());
        assertTrue(json.get("error_file_id").isNull());
        assertEquals(
                "{\"total\":10,\"completed\":5,\"failed\":4}",
                json.get("request_counts").toString());
        assertEquals(107, json.get("usage").get("total_tokens").asLong());
        assertEquals(
                40, json.get("usage").get("input_tokens_details").get("cached_tokens").asLong());
    }

    @Test
    void illegalMovesThrow() {
        Batch batch = batch();
        assertThrows(IllegalStateException.class, () -> batch.move(BatchStatus.COMPLETED, NOW));
        batch.fail(List.of(new Problem("c", 3L, "m", null)), NOW);
        for (BatchStatus next : BatchStatus.values()) {
            assertThrows(IllegalStateException.class, () -> batch.move(next, NOW), next::name);
        }
        assertEquals(
                "{\"object\":\"list\",\"data\":[{\"code\":\"c\",\"line\":3,\"message\":\"m\","
                        + "\"param\":null}]}",
                BatchJson.of(batch, null).get("errors").toString());
    }

    @Test
    void isAnsweredOnceItsOwnRunIsSealedAndAllJobsHaveEnded() {
        Batch batch = batch();
        BatchProgress over = progress(BatchStatus.COMPLETED, true);
        assertFalse(batch.isAnswered(over), "nothing was submitted");
        batch.submissionId = "s1";
        assertFalse(batch.isAnswered(over), "lines are still being published");
        batch.submitted = true;
        assertTrue(batch.isAnswered(over));
        assertFalse(batch.isAnswered(progress(BatchStatus.COMPLETED, false)));
        assertFalse(batch.isAnswered(progress(BatchStatus.FINALIZING, true)));
        batch.submissionId = "s2";
        assertFalse(batch.isAnswered(over), "it ended before this run reopened it");
    }

    @Test
    void whileLinesArePublishedTheTotalIsWhatIsKnown() {
        Batch batch = batch();
        batch.lines = 4;
        assertEquals(4, total(BatchJson.of(batch, null)));
        batch.lines = 2000;
        assertEquals(2000, total(BatchJson.of(batch, progress(BatchStatus.IN_PROGRESS, false))));
        batch.lines = 4;
        assertEquals(10, total(BatchJson.of(batch, progress(BatchStatus.IN_PROGRESS, false))));
    }

    @Test
    void linesThatARunBegunAgainRepeatDoNotLessenTheTotal() {
        Batch batch = batch();
        batch.lines = 12;
        BatchProgress progress = progress(BatchStatus.IN_PROGRESS, false);
        progress.setDuplicates(2);
        assertEquals(10, total(BatchJson.of(batch, progress)), "one run: repeated in the file");
        var again = SubmissionProgress.newBuilder(progress.getSubmissions().get("s1")).build();
        progress.getSubmissions().put("s2", again);
        assertEquals(12, total(BatchJson.of(batch, progress)), "two runs");
    }

    @Test
    void aSavedBatchIsReadAsItWas() {
        BatchStore store = new BatchStore(dir);
        String id = new Ids(() -> NOW).next(Ids.BATCH);
        Batch batch = new Batch(id, "acme", REQUEST, "key", NOW);
        store.add(batch);
        store.update(
                id,
                b -> {
                    b.move(BatchStatus.IN_PROGRESS, NOW);
                    b.submissionId = "s1";
                    b.planned = new Results("file-2", "file-3");
                    return b;
                });
        BatchStore again = new BatchStore(dir);
        Batch read = again.require("acme", id);
        assertEquals(BatchJson.of(batch, null), BatchJson.of(read, null));
        assertEquals(batch.planned, read.planned);
        assertEquals(batch.request, read.request);
        assertTrue(read.readsInput());
        assertEquals(id, again.findByIdempotencyKey("acme", "key").id);
        assertThrows(ApiFailure.class, () -> again.require("other", id));
        assertEquals(List.of(id), again.ids(b -> b.status == BatchStatus.IN_PROGRESS));
    }

    private static long total(JsonNode json) {
        return json.get("request_counts").get("total").asLong();
    }
}
