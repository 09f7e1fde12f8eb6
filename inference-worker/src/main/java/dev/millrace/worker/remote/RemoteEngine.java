package dev.millrace.worker.remote;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Usage;
import dev.millrace.worker.JobAnswer;
import dev.millrace.worker.JobEngine;
import dev.millrace.worker.JobRequest;

import io.micrometer.core.instrument.MeterRegistry;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.random.RandomGenerator;

/**
 * Answers jobs by a server that speaks OpenAI's API. Requests are under way while the worker polls,
 * commits and steps; replies are queued by the HTTP client's threads and looked at in {@link
 * #step}, so all decisions are made on the worker's one thread.
 */
public final class RemoteEngine implements JobEngine {
    /** What a cache without bounds would hold is known to the server alone. */
    private static final long IDEAL_UNKNOWN = 0;

    private static final Logger LOG = LoggerFactory.getLogger(RemoteEngine.class);

    /** Far below the time that any model takes, far above the cost of a look. */
    private static final Duration REST = Duration.ofMillis(5);

    private record Arrival(RemoteWork work, int attempt, Transport.Reply reply) {}

    private final RemoteConfig config;
    private final Transport transport;
    private final InstantSource clock;
    private final RequestWriter requests;
    private final Backoff backoff;
    private final CircuitBreaker breaker;
    private final ConcurrencyLimit limit;
    private final RemoteMetrics metrics;
    private final Map<Long, RemoteWork> inside = new HashMap<>();
    private final RemoteQueue queue = new RemoteQueue();

    /** At the server, the longest there first. */
    private final SequencedSet<RemoteWork> inFlight = new LinkedHashSet<>();

    private final ConcurrentLinkedQueue<Arrival> arrivals = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Transport.Reply> probes = new ConcurrentLinkedQueue<>();
    private Transport.Call probe;
    private long probeSentMs;
    private long pausedUntilMs;
    private String lastFailure = "";
    private long steps;
    private long finished;
    private long promptTokens;
    private long cachedTokens;
    private long completionTokens;

    /** What is set from outside so that a test can stand still and repeat. */
    record Outside(Transport transport, InstantSource clock, RandomGenerator random) {}

    /**
     * @param config with names and kind resolved
     */
    RemoteEngine(RemoteConfig config, Outside outside, MeterRegistry meters) {
        this.config = config;
        transport = outside.transport();
        clock = outside.clock();
        requests = new RequestWriter(config);
        backoff = new Backoff(config.retry(), outside.random());
        breaker = new CircuitBreaker(config.breaker());
        limit = new ConcurrencyLimit(config.maxConcurrency());
        metrics = new RemoteMetrics(meters, config);
    }

    /**
     * Asks the server what it has and makes an engine of it.
     *
     * @throws RemoteServerException naming the url, when jobs could not be answered
     */
    public static RemoteEngine connect(RemoteConfig config, MeterRegistry meters) {
        JdkTransport transport = new JdkTransport(config.url(), config.apiKey());
        try {
            RemoteConfig resolved = ServerCheck.resolve(config, transport);
            LOG.info(
                    "remote server {} ({}) answers for {} as {}",
                    resolved.url(),
                    resolved.kind(),
                    resolved.servedName(),
                    resolved.remoteModel());
            InstantSource clock = InstantSource.system();
            // Workers that start together must not retry together; nothing else hangs on this seed.
            RandomGenerator random =
                    new SplittableRandom(clock.millis() ^ ProcessHandle.current().pid());
            return new RemoteEngine(resolved, new Outside(transport, clock, random), meters);
        } catch (RuntimeException e) {
            transport.close();
            throw e;
        }
    }

    @Override
    public String modelName() {
        return config.servedName();
    }

    @Override
    public String modelFingerprint() {
        return null;
    }

    @Override
    public JobRequest prepare(PromptJob job, long requestId) {
        return requests.write(job, requestId);
    }

    @Override
    public void submit(JobRequest request) {
        RemoteWork work = new RemoteWork((RemoteRequest) request, clock.millis());
        if (inside.putIfAbsent(request.requestId(), work) != null) {
            throw new IllegalStateException("request id " + request.requestId() + " is in use");
        }
        queue.add(work);
    }

    @Override
    public boolean abort(long requestId) {
        RemoteWork work = inside.remove(requestId);
        if (work == null) {
            return false;
        }
        queue.remove(work);
        if (inFlight.remove(work)) {
            work.call.cancel();
            metrics.ended(Outcome.CANCELLED, clock.millis() - work.sentMs);
        }
        return true;
    }

    /** The server keeps to itself what it has made so far: the answer is always null. */
    @Override
    public JobAnswer cancel(long requestId) {
        abort(requestId);
        return null;
    }

    @Override
    public boolean withdraw(long requestId) {
        RemoteWork work = inside.get(requestId);
        return work != null && work.attempts == 0 && abort(requestId);
    }

    @Override
    public boolean hasWork() {
        return !inside.isEmpty();
    }

    @Override
    public Duration restBetweenSteps() {
        return arrivals.isEmpty() ? REST : Duration.ZERO;
    }

    @Override
    public String holdReason() {
        if (breaker.state() != CircuitBreaker.State.CLOSED) {
            return "the circuit breaker of " + config.url() + " is open: " + lastFailure;
        }
        return clock.millis() < pausedUntilMs
                ? config.url()
                        + " asked to be left alone until "
                        + Instant.ofEpochMilli(pausedUntilMs)
                : null;
    }

    @Override
    public List<JobAnswer> step() {
        List<JobAnswer> ended = new ArrayList<>();
        steps++;
        long now = clock.millis();
        for (Arrival arrival = arrivals.poll(); arrival != null; arrival = arrivals.poll()) {
            RemoteWork work = arrival.work();
            // A reply to a cancelled or timed-out attempt has nothing to say any more.
            if (arrival.attempt() == work.attempts && inFlight.remove(work)) {
                judge(work, Verdict.on(arrival.reply(), work.request.job(), now), now, ended);
            }
        }
        timeOut(now, ended);
        probe(now);
        send(now);
        metrics.observe(breaker.state(), inFlight.size(), queue.size(), limit.current());
        return ended;
    }

    private void judge(RemoteWork work, Verdict verdict, long now, List<JobAnswer> ended) {
        long durationMs = now - work.sentMs;
        switch (verdict) {
            case Verdict.Answered answered -> {
                metrics.ended(Outcome.ANSWERED, durationMs);
                breaker.success();
                limit.answered();
                count(answered.answer().usage());
                ended.add(end(work, answered.answer(), null, now));
            }
            case Verdict.Refused refused -> {
                metrics.ended(Outcome.REFUSED, durationMs);
                breaker.success();
                ended.add(end(work, null, refused.reason(), now));
            }
            case Verdict.Again again -> tryAgain(work, again, now, ended);
            case Verdict.Hopeless hopeless ->
                    throw new RemoteServerException(
                            "remote server " + config.url() + ": " + hopeless.reason());
        }
    }

    private void tryAgain(RemoteWork work, Verdict.Again again, long now, List<JobAnswer> ended) {
        metrics.ended(again.outcome(), now - work.sentMs);
        lastFailure = again.shown();
        if (again.isOverload()) {
            limit.overloaded(work.sentMs, now);
        }
        if (again.isServerDown() && breaker.failure(now)) {
            metrics.breakerOpened();
            LOG.warn("{} is left alone for a while: {}", config.url(), lastFailure);
        }
        pausedUntilMs = Math.max(pausedUntilMs, now + again.afterMs());
        if (work.attempts >= config.retry().maxAttempts()) {
            metrics.gaveUp();
            ErrorInfo last = again.reason();
            String message =
                    "gave up after "
                            + work.attempts
                            + " attempts; the last one: "
                            + last.getMessage();
            ended.add(
                    end(work, null, new ErrorInfo(last.getCode(), message, last.getParam()), now));
            return;
        }
        work.call = null;
        work.notBeforeMs = now + Math.max(again.afterMs(), backoff.delayMs(work.attempts));
        queue.rest(work);
    }

    private JobAnswer end(RemoteWork work, AnswerReader.Answer answer, ErrorInfo error, long now) {
        inside.remove(work.request.requestId());
        finished++;
        // When the first token was there, only the server knows.
        EngineResult.Timing timing =
                new EngineResult.Timing(work.submittedMs, work.firstSentMs, 0, now);
        return new JobAnswer(
                work.request.requestId(),
                answer == null ? List.of() : answer.choices(),
                answer == null ? null : answer.usage(),
                error,
                timing,
                0,
                work.request.seed());
    }

    private void timeOut(long now, List<JobAnswer> ended) {
        long oldestAllowed = now - config.requestTimeout().toMillis();
        while (!inFlight.isEmpty() && inFlight.getFirst().sentMs <= oldestAllowed) {
            RemoteWork work = inFlight.removeFirst();
            work.call.cancel();
            String message = "no whole answer within " + config.requestTimeout().toSeconds() + " s";
            ErrorInfo reason = new ErrorInfo("server_error", message, null);
            Verdict again = new Verdict.Again(Outcome.TIMEOUT, reason, message, 0, true, true);
            judge(work, again, now, ended);
        }
    }

    /**
     * While the breaker is open, a request that costs nothing finds out whether the server is well
     * again.
     */
    private void probe(long now) {
        Transport.Reply reply = probes.poll();
        boolean isLate =
                probe != null && now - probeSentMs >= config.breaker().pause().toMillis() + 10_000;
        if (probe != null && (reply != null || isLate)) {
            probe.cancel();
            probe = null;
            boolean isWell = reply instanceof Transport.Reply.Http http && http.status() == 200;
            breaker.probed(isWell, now);
            LOG.info("{} {}", config.url(), isWell ? "answers again" : "does not answer yet");
        }
        if (probe == null && breaker.beginProbe(now)) {
            probes.clear();
            probeSentMs = now;
            probe = transport.get(ServerCheck.PATH, probes::add);
        }
    }

    private void send(long now) {
        if (breaker.state() != CircuitBreaker.State.CLOSED || now < pausedUntilMs) {
            return;
        }
        while (inFlight.size() < limit.current()) {
            RemoteWork work = queue.poll(now);
            if (work == null) {
                return;
            }
            int attempt = ++work.attempts;
            if (attempt == 1) {
                work.firstSentMs = now;
            } else {
                metrics.retried();
            }
            work.sentMs = now;
            inFlight.add(work);
            work.call =
                    transport.post(
                            work.request.path(),
                            work.request.json(),
                            reply -> arrivals.add(new Arrival(work, attempt, reply)));
        }
    }

    private void count(Usage usage) {
        promptTokens += usage.getPromptTokens();
        cachedTokens += usage.getCachedTokens();
        completionTokens += usage.getCompletionTokens();
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                inFlight.size(),
                queue.size(),
                0,
                0,
                steps,
                promptTokens,
                cachedTokens,
                IDEAL_UNKNOWN,
                completionTokens,
                finished,
                0,
                0,
                0,
                DeviceTimes.NONE,
                DraftCounts.NONE);
    }

    @Override
    public void close() {
        inside.clear();
        queue.clear();
        inFlight.clear();
        transport.close();
    }
}
