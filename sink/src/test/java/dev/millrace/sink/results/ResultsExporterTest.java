package dev.millrace.sink.results;

import static dev.millrace.sink.SinkFixtures.completion;
import static dev.millrace.sink.SinkFixtures.ended;
import static dev.millrace.sink.SinkFixtures.failure;
import static dev.millrace.sink.SinkFixtures.progress;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.MockTopic;
import dev.millrace.sink.SinkFixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultsExporterTest {
    @TempDir
    Path dir;

    private final MockTopic topic = new MockTopic(Topics.COMPLETIONS, 3);
    private long nowMs;
    private final Serde<Completion> serde = SinkFixtures.serde(Completion.class);

    @Test
    void linesOfTheBatchGoToTheirFiles() throws IOException {
        for (int i = 0; i < 20; i++) {
            add(i % 3, completion("b", "" + i));
            add(i % 3, completion("other", "" + i));
        }
        add(0, failure("b", "bad", "invalid_request", "why"));
        add(1, ended("b", "late", CompletionStatus.EXPIRED).build());
        ResultsReport report = export(
                progress("b", BatchStatus.COMPLETED).setTotal(22).build(), dir.resolve("err.jsonl"));
        assertEquals(20, report.completed());
        assertEquals(2, report.failed());
        assertEquals(0, report.missing());
        assertTrue(report.isWhole(), report.summary());
        List<String> lines = Files.readAllLines(dir.resolve("out.jsonl"));
        assertEquals(20, lines.size());
        assertEquals(20, lines.stream().distinct().count());
        assertTrue(lines.stream().allMatch(line -> line.endsWith("\"error\":null}")));
        assertEquals(2, Files.readAllLines(dir.resolve("err.jsonl")).size());
        assertEquals(List.of("err.jsonl", "out.jsonl"), names(), "no temporary file is left");
    }

    @Test
    void withoutAnErrorFileNoAnswerIsLost() throws IOException {
        add(0, completion("b", "1"));
        add(0, failure("b", "2", "invalid_request", "why"));
        ResultsReport report = export(progress("b", BatchStatus.COMPLETED).setTotal(2).build(), null);
        assertEquals(1, report.completed());
        assertEquals(1, report.failed());
        assertEquals(2, Files.readAllLines(dir.resolve("out.jsonl")).size());
    }

    @Test
    void doubledJobIsWrittenOnceAndReported() throws IOException {
        add(0, completion("b", "1"));
        add(2, completion("b", "1"));
        ResultsReport report = export(progress("b", BatchStatus.COMPLETED).setTotal(1).build(), null);
        assertEquals(1, report.completed());
        assertEquals(1, report.doubled());
        assertFalse(report.isWhole());
        assertTrue(report.summary().contains("ERROR: 1 jobs were answered more than once"), report.summary());
        assertEquals(1, Files.readAllLines(dir.resolve("out.jsonl")).size());
    }

    @Test
    void tooManyJobsToRememberStillCompareByCount() throws IOException {
        for (int i = 0; i < 5; i++) {
            add(0, completion("b", "" + i));
        }
        add(0, completion("b", "4"));
        ResultsReport report = export(
                progress("b", BatchStatus.COMPLETED).setTotal(5).build(), null, new JobIdSet(3));
        assertFalse(report.everyIdChecked());
        assertEquals(6, report.completed());
        assertFalse(report.isWhole());
        assertTrue(report.summary().contains("1 answers more than jobs"), report.summary());
    }

    @Test
    void missingAnswersAreCounted() throws IOException {
        add(0, completion("b", "1"));
        ResultsReport ended = export(progress("b", BatchStatus.COMPLETED).setTotal(3).build(), null);
        assertEquals(2, ended.missing());
        assertFalse(ended.isWhole());
        assertEquals("batch b is COMPLETED: 1 completed, 0 failed, 2 missing of 3.", ended.summary());
        ResultsReport open = export(progress("b", BatchStatus.IN_PROGRESS).setTotal(3).build(), null);
        assertEquals("batch b is IN_PROGRESS: 1 completed, 0 failed, 2 not yet answered of 3.",
                open.summary());
    }

    @Test
    void whatComesAfterTheExportBeganIsLeftOut() throws IOException {
        add(0, completion("b", "1"));
        topic.beforeEachPoll(() -> {
            add(0, completion("b", "2"));
            topic.beforeEachPoll(() -> {});
        });
        assertEquals(1, export(progress("b", BatchStatus.IN_PROGRESS).setTotal(2).build(), null).completed());
        // Control: the next export has it.
        assertEquals(2, export(progress("b", BatchStatus.IN_PROGRESS).setTotal(2).build(), null).completed());
    }

    @Test
    void unreadableRecordsAreCountedAndPassedOver() throws IOException {
        topic.add(0, "k", new byte[] {1, 2, 3});
        add(0, completion("b", "1"));
        ResultsReport report = export(progress("b", BatchStatus.COMPLETED).setTotal(1).build(), null);
        assertEquals(1, report.unreadable());
        assertEquals(1, report.completed());
        assertTrue(report.summary().contains("1 records of the completions topic could not be read"),
                report.summary());
    }

    @Test
    void failedExportLeavesTheOldFileAlone() throws IOException {
        Path out = dir.resolve("out.jsonl");
        Files.writeString(out, "old\n");
        add(0, completion("b", "1"));
        topic.beforeEachPoll(() -> {
            throw new IllegalStateException("the network is gone");
        });
        assertThrows(IllegalStateException.class, () ->
                export(progress("b", BatchStatus.COMPLETED).build(), null));
        assertEquals("old\n", Files.readString(out));
        assertEquals(List.of("out.jsonl"), names());
        // Control: one that succeeds replaces it.
        topic.beforeEachPoll(() -> {});
        export(progress("b", BatchStatus.COMPLETED).setTotal(1).build(), null);
        assertFalse(Files.readString(out).contains("old"));
    }

    @Test
    void topicThatGivesNothingMoreIsAnError() throws IOException {
        add(0, completion("b", "1"));
        topic.endsAt(0, 5);
        topic.beforeEachPoll(() -> nowMs += 20_000);
        String message = assertThrows(
                IllegalStateException.class, () -> export(progress("b", BatchStatus.COMPLETED).build(), null))
                .getMessage();
        assertTrue(message.contains("4 offsets are left"), message);
    }

    @Test
    void filesThatCannotBeWrittenAreNamed() {
        String missing = assertThrows(IOException.class, () -> new LineFile(dir.resolve("no/such/out.jsonl")))
                .getMessage();
        assertTrue(missing.contains("no folder") && missing.contains("out.jsonl"), missing);
        assertTrue(assertThrows(IOException.class, () -> new LineFile(dir)).getMessage()
                .contains("is a folder"));
    }

    @Test
    void unknownBatchNamesTheClosestOnes() {
        List<String> known = List.of("batch-2026-01", "batch-2026-02", "demo", "evals", "nightly", "zzz");
        assertEquals("batch-2026-02", SimilarIds.closest("Batch-2026-2", known).getFirst());
        String message = new UnknownBatchException("dem", known).getMessage();
        assertTrue(message.startsWith("there is no batch 'dem'; the closest names: demo, "), message);
        assertEquals("there is no batch 'x'; no batch was submitted yet",
                new UnknownBatchException("x", List.of()).getMessage());
    }

    @Test
    void editDistanceCountsInsertionsDeletionsAndReplacements() {
        assertEquals(3, SimilarIds.editDistance("kitten", "sitting"));
        assertEquals(4, SimilarIds.editDistance("", "demo"));
        assertEquals(0, SimilarIds.editDistance("demo", "demo"));
    }

    private ResultsReport export(BatchProgress progress, Path errors) throws IOException {
        return export(progress, errors, new JobIdSet(1000));
    }

    private ResultsReport export(BatchProgress progress, Path errors, JobIdSet seen) throws IOException {
        try (LineFile out = new LineFile(dir.resolve("out.jsonl"));
                LineFile err = errors == null ? null : new LineFile(errors)) {
            return ResultsExporter.export(
                    new ResultsExporter.Export(progress, out, err == null ? out : err, seen),
                    topic.newConsumer(), serde.deserializer(), () -> Instant.ofEpochMilli(nowMs));
        }
    }

    private void add(int partition, Completion completion) {
        byte[] bytes = serde.serializer().serialize(Topics.COMPLETIONS, completion);
        topic.add(partition, completion.getJobId(), bytes);
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(dir)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
