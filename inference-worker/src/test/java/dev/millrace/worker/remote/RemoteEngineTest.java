package dev.millrace.worker.remote;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Usage;
import dev.millrace.worker.JobAnswer;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

class RemoteEngineTest {
    private final ManualClock clock = new ManualClock();
    private final ScriptedTransport server = new ScriptedTransport();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final RemoteEngine engine =
            new RemoteEngine(
                    TestAnswers.config(ServerKind.VLLM),
                    new RemoteEngine.Outside(server, clock, new SplittableRandom(1)),
                    meters);
    private final List<JobAnswer> ended = new ArrayList<>();
    private long nextId;

    @Test
    void anAnswerComesBackWithItsUsage() {
        submit("a");
        step();
        server.posts.get(0).answer("hello");
        step();
        JobAnswer answer = ended.get(0);
        assertEquals("hello", answer.choices().get(0).getText());
        assertEquals(new Usage(7, 5, 3), answer.usage());
        assertNull(answer.error());
        assertFalse(engine.hasWork());
        assertEquals(1, requests("answered"));
    }

    @Test
    void noMoreThanTheLimitAreAtTheServer() {
        submit("a");
        submit("b");
        submit("c");
        step();
        assertEquals(2, server.posts.size());
        server.posts.get(0).answer("x");
        step();
        assertEquals(3, server.posts.size());
    }

    @Test
    void higherPriorityIsSentFirst() {
        submit("a");
        submit("b");
        PromptJob urgent = TestAnswers.chatJob("urgent");
        urgent.setPriority(1);
        engine.submit(engine.prepare(urgent, 99));
        step();
        assertTrue(server.posts.get(0).body.contains("say urgent"));
    }

    @Test
    void retryAfterInSecondsAndAsADateIsHonoured() {
        submit("a");
        step();
        server.posts.get(0).reply(429, "30", "{}");
        step();
        assertNotNull(engine.holdReason(), "no further jobs until then");
        clock.advance(29_999);
        step();
        assertEquals(1, server.posts.size());
        clock.advance(1);
        step();
        assertEquals(2, server.posts.size(), "sent again at the instant");
        assertNull(engine.holdReason());
        Instant date = Instant.ofEpochSecond(clock.millis() / 1000 + 20);
        String header = DateTimeFormatter.RFC_1123_DATE_TIME.format(date.atOffset(ZoneOffset.UTC));
        server.posts.get(1).reply(503, header, "{}");
        step();
        clock.advance(date.toEpochMilli() - clock.millis() - 1);
        step();
        assertEquals(2, server.posts.size());
        clock.advance(1);
        step();
        assertEquals(3, server.posts.size());
    }

    @Test
    void anUsedUpBudgetEndsTheJobWithTheLastReason() {
        submit("a");
        for (int attempt = 0; attempt < 3; attempt++) {
            step();
            server.posts.get(attempt).reply(200, null, "{\"choices\":[");
            step();
            clock.advance(4_000);
        }
        step();
        assertEquals(3, server.posts.size());
        assertEquals("server_error", ended.get(0).error().getCode());
        assertEquals(
                "gave up after 3 attempts; the last one: the remote server's answer cannot be used:"
                        + " it is not JSON",
                ended.get(0).error().getMessage());
        assertEquals(1.0, meters.get("millrace.remote.gave.up").counter().count());
        assertEquals(2.0, meters.get("millrace.remote.retries").counter().count());
    }

    @Test
    void aRefusalIsFinalAndKeepsTheServersWords() {
        submit("a");
        step();
        String body =
                "{\"error\":{\"message\":\"too long\",\"param\":\"max_tokens\",\"code\":400}}";
        server.posts.get(0).reply(400, null, body);
        step();
        assertEquals("invalid_request", ended.get(0).error().getCode());
        assertEquals("body.max_tokens", ended.get(0).error().getParam());
        assertTrue(ended.get(0).error().getMessage().endsWith("400: too long"));
        clock.advance(60_000);
        step();
        assertEquals(1, server.posts.size());
    }

    @Test
    void aWrongKeyEndsTheEngineAndNoJob() {
        submit("a");
        step();
        server.posts.get(0).reply(401, null, "{\"detail\":\"Unauthorized\"}");
        RemoteServerException e = assertThrows(RemoteServerException.class, this::step);
        assertTrue(e.getMessage().contains("http://server:1/v1"), e.getMessage());
    }

    @Test
    void aHangingRequestIsCutOffAndItsLateReplyIgnored() {
        submit("a");
        step();
        clock.advance(59_999);
        step();
        assertFalse(server.posts.get(0).isCancelled);
        clock.advance(1);
        step();
        assertTrue(server.posts.get(0).isCancelled);
        clock.advance(4_000);
        step();
        assertEquals(2, server.posts.size());
        server.posts.get(0).answer("late");
        server.posts.get(1).answer("second");
        step();
        assertEquals("second", ended.get(0).choices().get(0).getText());
        assertEquals(1, ended.size());
    }

    @Test
    void anAbortClosesTheConnectionAndYieldsNothing() {
        long id = submit("a");
        step();
        assertTrue(engine.abort(id));
        assertTrue(server.posts.get(0).isCancelled);
        server.posts.get(0).answer("too late");
        step();
        assertTrue(ended.isEmpty());
        assertFalse(engine.abort(id));
        assertEquals(1, requests("cancelled"));
    }

    @Test
    void onlyWhatWasNeverSentIsGivenBack() {
        long sent = submit("a");
        submit("b");
        long waits = submit("c");
        step();
        assertFalse(engine.withdraw(sent));
        assertTrue(engine.withdraw(waits));
        server.posts.get(0).answer("x");
        step();
        assertEquals(2, server.posts.size());
    }

    @Test
    void aServerThatFailsIsLeftAloneUntilAProbeSucceeds() {
        submit("a");
        submit("b");
        step();
        server.posts.get(0).breakOff();
        server.posts.get(1).reply(500, null, "{}");
        step();
        assertNull(engine.holdReason(), "two failures are not enough");
        clock.advance(1_000);
        step();
        server.posts.get(2).breakOff();
        step();
        assertTrue(engine.holdReason().contains("circuit breaker"), engine.holdReason());
        assertEquals(2.0, meters.get("millrace.remote.breaker.state").gauge().value());
        int sent = server.posts.size();
        clock.advance(9_999);
        step();
        assertEquals(0, server.probes.size());
        clock.advance(1);
        step();
        assertEquals(1, server.probes.size());
        server.probes.get(0).breakOff();
        step();
        clock.advance(19_999);
        step();
        assertEquals(1, server.probes.size(), "the pause has doubled");
        clock.advance(1);
        step();
        server.probes.get(1).reply(200, null, "{}");
        step();
        assertEquals(
                sent + 1, server.posts.size(), "one waited; no attempt was spent on the outage");
        assertNull(engine.holdReason());
        server.posts.get(sent - 1).answer("x");
        server.posts.get(sent).answer("y");
        step();
        assertEquals(2, ended.stream().filter(answer -> answer.error() == null).count());
    }

    @Test
    void afterTheProbeOneFailureOpensTheBreakerAgain() {
        CircuitBreaker breaker = new CircuitBreaker(TestAnswers.config(null).breaker());
        assertFalse(breaker.failure(0));
        assertFalse(breaker.failure(0));
        breaker.success();
        assertFalse(breaker.failure(0), "a success in between begins the count anew");
        assertFalse(breaker.failure(0));
        assertTrue(breaker.failure(0));
        assertFalse(breaker.beginProbe(9_999));
        assertTrue(breaker.beginProbe(10_000));
        assertFalse(breaker.beginProbe(10_000), "one probe at a time");
        breaker.probed(true, 10_000);
        assertEquals(CircuitBreaker.State.CLOSED, breaker.state());
        assertTrue(breaker.failure(10_000));
    }

    @Test
    void overloadHalvesTheConcurrencyOncePerRound() {
        ConcurrencyLimit limit = new ConcurrencyLimit(8);
        limit.overloaded(100, 200);
        limit.overloaded(150, 201);
        assertEquals(4, limit.current(), "what was sent before the first decrease counts once");
        limit.overloaded(300, 400);
        assertEquals(2, limit.current());
        for (int i = 0; i < 100; i++) {
            limit.answered();
        }
        assertEquals(8, limit.current());
    }

    @Test
    void theWaitDoublesWithinItsBoundsAndDiffers() {
        Backoff backoff = new Backoff(TestAnswers.config(null).retry(), new SplittableRandom(7));
        long[] ceilings = {1_000, 2_000, 4_000, 4_000};
        boolean differs = false;
        for (int attempt = 1; attempt <= ceilings.length; attempt++) {
            long first = backoff.delayMs(attempt);
            for (int i = 0; i < 100; i++) {
                long delay = backoff.delayMs(attempt);
                assertTrue(
                        delay >= ceilings[attempt - 1] / 2 && delay <= ceilings[attempt - 1],
                        delay + " ms");
                differs |= delay != first;
            }
        }
        assertTrue(differs);
    }

    private long submit(String id) {
        engine.submit(engine.prepare(TestAnswers.chatJob(id), nextId));
        return nextId++;
    }

    private void step() {
        ended.addAll(engine.step());
    }

    private double requests(String outcome) {
        return meters.get("millrace.remote.requests").tag("outcome", outcome).counter().count();
    }
}
