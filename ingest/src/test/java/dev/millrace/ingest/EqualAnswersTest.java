package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.Usage;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A job whose content was answered before gets that answer. */
class EqualAnswersTest {
    @TempDir Path stateDir;

    private IngestDriver driver;

    @BeforeEach
    void start(TestInfo test) {
        start(test, true);
    }

    private void start(TestInfo test, boolean reuses) {
        String scope = "equal-" + reuses + "-" + test.getTestMethod().orElseThrow().getName();
        IngestConfig config =
                IngestDriver.config(stateDir.resolve(scope), scope)
                        .withPolicies(new IngestPolicies(false, reuses, Map.of(), 1));
        driver = new IngestDriver(config, IngestDriver.START);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void anEqualJobGetsTheAnswerUnderItsOwnName() {
        driver.prompt(job("a/1"));
        driver.complete(answer("a/1", "f1"));
        driver.advance(Duration.ofSeconds(1));
        driver.prompt(
                job("b/2")
                        .setBatchId("b")
                        .setSubmissionId("s")
                        .setPriority(3)
                        .setMetadata(Map.of("k", "v"))
                        .setDeadline(driver.now().plusSeconds(9))
                        .setCreatedAt(driver.now()));
        driver.advance(Duration.ofMillis(200));

        assertEquals(1, routed(), "computed once");
        Completion expected = answer("a/1", "f1");
        Instant served = IngestDriver.START.plusSeconds(1);
        expected.setJobId("b/2");
        expected.setCustomId("c-b/2");
        expected.setBatchId("b");
        expected.setMetadata(Map.of("k", "v"));
        expected.setCreatedAt(served);
        expected.setFinishedAt(served);
        expected.setUsage(new Usage(0, 0, 0));
        expected.setWorkerId(IngestTopology.ROLE);
        expected.setServedFrom("a/1");
        assertEquals(List.of(expected), driver.completions());
        assertEquals(1, driver.count(Outcome.REUSED));
        BatchEvent tally = driver.batchEvents().getLast();
        assertEquals(1, tally.getAdmitted(), "its batch counts it like any other job");
        driver.prompt(job("c/3"));
        assertEquals(
                "a/1",
                driver.completions().getFirst().getServedFrom(),
                "an answer that was given again is not the one that is kept");
    }

    @Test
    void anAnswerInABucketThatIsJustBeingOpenedIsNotKnownYet() {
        ReadOnlyWindowStore<Bytes, byte[]> opening = openingStore();
        Instant now = IngestDriver.START;
        EqualAnswers answers = new EqualAnswers(opening, null, null, Duration.ofDays(7));
        assertThrows(
                InvalidStateStoreException.class,
                () -> opening.fetch(Bytes.wrap(new byte[1]), now.toEpochMilli()));
        assertNull(answers.find(job("a/1").build(), now));
    }

    @SuppressWarnings("unchecked") // a proxy has no type parameters
    private static ReadOnlyWindowStore<Bytes, byte[]> openingStore() {
        return (ReadOnlyWindowStore<Bytes, byte[]>)
                Proxy.newProxyInstance(
                        EqualAnswersTest.class.getClassLoader(),
                        new Class<?>[] {ReadOnlyWindowStore.class},
                        (proxy, method, args) -> {
                            throw new InvalidStateStoreException("Store is currently closed");
                        });
    }

    @Test
    void withoutThePolicyEveryJobIsComputed(TestInfo test) {
        driver.close();
        start(test, false);
        driver.prompt(job("1"));
        driver.prompt(job("2"));
        assertEquals(2, routed());
    }

    @Test
    void whatDiffersInAnyWayIsComputed() {
        driver.prompt(job("first"));
        driver.complete(answer("first", "f1"));
        assertEquals(1, routed());
        Map<String, Consumer<PromptJob.Builder>> changes = new LinkedHashMap<>();
        changes.put("tenant", job -> job.setTenant("other"));
        changes.put("messages", job -> job.getMessages().getFirst().setContent("?"));
        changes.put("role", job -> job.getMessages().getFirst().setRole("system"));
        changes.put("tools", job -> job.setTools("[]"));
        changes.put("kwargs", job -> job.setChatTemplateKwargs("{\"a\":1}"));
        sampling(changes, "maxTokens", sampling -> sampling.setMaxTokens(9));
        sampling(changes, "topP", sampling -> sampling.setTopP(0.5));
        sampling(changes, "topK", sampling -> sampling.setTopK(5));
        sampling(changes, "minP", sampling -> sampling.setMinP(0.5));
        sampling(changes, "repetition", sampling -> sampling.setRepetitionPenalty(1.5));
        sampling(changes, "presence", sampling -> sampling.setPresencePenalty(0.5));
        sampling(changes, "frequency", sampling -> sampling.setFrequencyPenalty(0.5));
        sampling(changes, "logitBias", sampling -> sampling.setLogitBias(Map.of("5", 1.0)));
        sampling(changes, "logprobs", sampling -> sampling.setLogprobs(2));
        sampling(changes, "stop", sampling -> sampling.setStop(List.of("x")));
        sampling(changes, "stopTokenIds", sampling -> sampling.setStopTokenIds(List.of(7)));
        sampling(changes, "n", sampling -> sampling.setN(2));
        sampling(changes, "seed", sampling -> sampling.setSeed(7L));
        sampling(changes, "ignoreEos", sampling -> sampling.setIgnoreEos(true));
        sampling(changes, "special", sampling -> sampling.setSkipSpecialTokens(false));
        sampling(changes, "tokenIds", sampling -> sampling.setReturnTokenIds(true));
        String same = HexFormat.of().formatHex(ContentKey.of(job("x").build()));
        assertEquals(same, HexFormat.of().formatHex(ContentKey.of(job("y").build())));
        changes.forEach(
                (name, change) -> {
                    PromptJob.Builder job = job(name);
                    change.accept(job);
                    assertNotEquals(
                            same, HexFormat.of().formatHex(ContentKey.of(job.build())), name);
                    driver.prompt(job);
                    assertEquals(List.of(), driver.completions(), name);
                    assertEquals(1, routed(), name);
                });
        driver.prompt(job("control"));
        assertEquals(1, driver.completions().size(), "the same content is found");
        assertEquals(0, routed());
    }

    private static void sampling(
            Map<String, Consumer<PromptJob.Builder>> changes,
            String name,
            Consumer<SamplingParams> change) {
        changes.put(name, job -> change.accept(job.getSampling()));
    }

    @Test
    void aJobThatSamplesByItsIdIsComputed() {
        PromptJob.Builder hot = job("x");
        hot.getSampling().setTemperature(0.7);
        assertNull(ContentKey.of(hot.build()));
        hot.getSampling().setTemperature(null);
        assertNull(ContentKey.of(hot.build()), "the model's own temperature may be above 0");
        for (String id : List.of("1", "2")) {
            driver.prompt(PromptJob.newBuilder(hot.build()).setJobId(id));
            driver.complete(answer(id, "f1"));
            assertEquals(1, routed());
        }
        hot.getSampling().setSeed(5L);
        driver.prompt(PromptJob.newBuilder(hot.build()).setJobId("3"));
        driver.complete(answer("3", "f1"));
        driver.prompt(PromptJob.newBuilder(hot.build()).setJobId("4"));
        assertEquals(1, routed(), "with a seed the second one is equal");
        assertEquals("3", driver.completions().getFirst().getServedFrom());
    }

    @Test
    void onlyCompletedAnswersOfAKnownCheckpointAreKept() {
        driver.prompt(job("1"));
        Completion failed = answer("1", "f1");
        failed.setStatus(CompletionStatus.FAILED);
        failed.setError(new ErrorInfo("broken", "it broke", null));
        driver.complete(failed);
        driver.prompt(job("2"));
        assertEquals(2, routed(), "a failure is no answer");
        driver.complete(answer("2", null));
        driver.prompt(job("3"));
        assertEquals(1, routed(), "nobody can tell which checkpoint that was");
        driver.complete(answer("3", "f1"));
        driver.prompt(job("4"));
        assertEquals(0, routed());
        assertEquals("3", driver.completions().getFirst().getServedFrom());
    }

    @Test
    void aNewCheckpointDoesNotServeOldAnswers() {
        driver.prompt(job("1"));
        driver.complete(answer("1", "old"));
        driver.prompt(job("2"));
        assertEquals("1", driver.completions().getFirst().getServedFrom());
        // Any answer of the new checkpoint tells, whatever it answers.
        driver.complete(answer("unrelated", "new"));
        driver.prompt(job("3"));
        assertEquals(List.of(), driver.completions());
        assertEquals(2, routed());
        driver.complete(answer("3", "new"));
        driver.prompt(job("4"));
        assertEquals("3", driver.completions().getFirst().getServedFrom());
    }

    @Test
    void anAnswerIsForgottenAfterItsTime() {
        driver.prompt(job("1"));
        driver.complete(answer("1", "f1"));
        driver.advance(driver.config.dedupeRetention());
        driver.prompt(job("2"));
        assertEquals("1", driver.completions().getFirst().getServedFrom(), "kept at least so long");
        driver.advance(driver.config.dedupeRetention().plusDays(1));
        driver.complete(answer("unrelated", "f1"));
        driver.prompt(job("3"));
        assertEquals(List.of(), driver.completions());
        assertEquals(2, routed());
    }

    @Test
    void theSharedPrefixCountsByItsText() {
        driver.sharedPrefix("p", "default", "Be brief.");
        driver.prompt(job("1").setSharedPrefixId("p"));
        driver.complete(answer("1", "f1"));
        driver.prompt(job("2"));
        assertEquals(2, routed(), "without the prefix it is another prompt");
        driver.prompt(
                job("3").setMessages(
                                List.of(
                                        new ChatMessage("system", "Be brief.", null),
                                        new ChatMessage("user", "Hi", null))));
        assertEquals("1", driver.completions().getFirst().getServedFrom());
    }

    private int routed() {
        return driver.ready().size();
    }

    private static PromptJob.Builder job(String id) {
        return IngestDriver.job(id)
                .setMessages(List.of(new ChatMessage("user", "Hi", null)))
                .setSampling(SamplingParams.newBuilder().setTemperature(0.0).build());
    }

    private static Completion answer(String id, String fingerprint) {
        Choice choice =
                Choice.newBuilder().setIndex(0).setText("four").setFinishReason("stop").build();
        return Completion.newBuilder()
                .setJobId(id)
                .setCustomId("c-" + id)
                .setModel("m")
                .setModelFingerprint(fingerprint)
                .setStatus(CompletionStatus.COMPLETED)
                .setChoices(List.of(choice))
                .setUsage(new Usage(7, 3, 2))
                .setCreatedAt(IngestDriver.START)
                .setFinishedAt(IngestDriver.START.plusSeconds(5))
                .setWorkerId("w")
                .build();
    }
}
