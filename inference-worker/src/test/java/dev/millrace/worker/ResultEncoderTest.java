package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.TokenLogprob;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.UsageEvent;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;

class ResultEncoderTest {
    private static final TokenLogprob OTHER =
            new TokenLogprob(8, "x", new byte[] {120}, -2.5, List.of());
    private static final TokenLogprob CHOSEN =
            new TokenLogprob(7, "y", new byte[] {121}, -0.5, List.of(OTHER));

    private final LoadedModel model = TestJobs.model(new NoOpEngine());
    private final ResultEncoder encoder =
            new ResultEncoder("worker-1", "fingerprint", new ManualClock());
    private final PromptJob job = TestJobs.job("job-1");

    @Test
    void aCompletionCarriesTheJobsAndTheEnginesPart() {
        Completion completion = encoder.encode(job, LocalAnswers.encode(request(), result(null)));
        assertEquals(CompletionStatus.COMPLETED, completion.getStatus());
        assertEquals("job-1", completion.getJobId());
        assertEquals("custom-job-1", completion.getCustomId());
        assertEquals("worker-1", completion.getWorkerId());
        assertEquals("fingerprint", completion.getModelFingerprint());
        assertEquals(new Usage(15, 4, 2), completion.getUsage());
        assertEquals(Instant.ofEpochMilli(20), completion.getStartedAt());
        assertEquals(Instant.ofEpochMilli(30), completion.getFirstTokenAt());
        assertEquals(Instant.ofEpochMilli(40), completion.getFinishedAt());
        assertEquals(RequestDecoder.seedOf(job), completion.getSeed());
        assertEquals("length", completion.getChoices().get(0).getFinishReason());
        assertNull(completion.getError());
        assertNull(completion.getChoices().get(0).getTokenIds(), "nobody asked for token ids");

        UsageEvent usage = encoder.usage(completion);
        assertEquals("tenant", usage.getTenant());
        assertEquals(new Usage(15, 4, 2), usage.getUsage());
    }

    @Test
    void tokenIdsAndLogprobsAreReportedWhenAskedFor() {
        job.getSampling().setReturnTokenIds(true);
        var choice =
                encoder.encode(job, LocalAnswers.encode(request(), result(null)))
                        .getChoices()
                        .get(0);
        assertEquals(List.of(7, 2), choice.getTokenIds());
        assertEquals(job.getPrompt().length(), choice.getPromptTokenIds().size());
        assertEquals(7, choice.getLogprobs().get(0).getTokenId());
        assertEquals(
                ByteBuffer.wrap(new byte[] {120}),
                choice.getLogprobs().get(0).getTop().get(0).getBytes());
    }

    @Test
    void aFailureInTheEngineFailsTheJob() {
        Completion completion =
                encoder.encode(
                        job,
                        LocalAnswers.encode(
                                request(),
                                result(
                                        new EngineResult.Failure(
                                                "out_of_memory", "no blocks left"))));
        assertEquals(CompletionStatus.FAILED, completion.getStatus());
        assertEquals("out_of_memory", completion.getError().getCode());
    }

    @Test
    void aRefusalNamesThePathInTheBodyAndCostsNothing() {
        Completion completion =
                encoder.rejected(
                        job,
                        new RequestRejectedException("invalid_request", "temperature", "too hot"));
        assertEquals(CompletionStatus.FAILED, completion.getStatus());
        assertEquals("body.temperature", completion.getError().getParam());
        assertNull(encoder.usage(completion));
    }

    private LocalJobEngine.LocalRequest request() {
        return (LocalJobEngine.LocalRequest) new LocalJobEngine(model).prepare(job, 1);
    }

    private static EngineResult result(EngineResult.Failure failure) {
        EngineResult.Choice choice =
                new EngineResult.Choice(
                        0, "y", new int[] {7, 2}, FinishReason.LENGTH, null, List.of(CHOSEN));
        return new EngineResult(
                1, List.of(choice), 15, 4, new EngineResult.Timing(10, 20, 30, 40), failure);
    }
}
