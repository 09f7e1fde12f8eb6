package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.KvTierStats;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.kvcache.KvCache;
import dev.millrace.engine.kvtier.BlockArchive;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;
import dev.millrace.engine.structured.ConstrainedText;
import dev.millrace.engine.structured.Constraints;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * The engine: {@link #step} schedules, launches and completes. A device of the host completes a
 * step at once; for an asynchronous one a step stays under way while the next is scheduled and
 * launched behind it.
 */
public final class LlmEngine implements Engine {
    private static final Logger LOG = LoggerFactory.getLogger(LlmEngine.class);

    /** Share of the KV blocks kept free at admission (vLLM's watermark). */
    private static final double FREE_BLOCKS_WATERMARK = 0.01;

    private static final int[] NO_TOKENS = {};

    private final ModelExecutor executor;
    private final TokenTexts texts;
    private final EosTokens eos;
    private final InstantSource clock;
    private final Scheduler scheduler;
    private final Speculator speculator;
    private final RequestLimits limits;
    private final int blockSize;
    private final ForwardInput input;
    private final Map<Long, RequestState> requests = new HashMap<>();
    private final Deque<ScheduledStep> underway = new ArrayDeque<>();
    private final Deque<ScheduledStep> spareSteps = new ArrayDeque<>();
    private final StepCounters counters;

    /** By steps that had nothing left to compute and so were never launched. */
    private final List<Sequence> preemptedBefore = new ArrayList<>();

    private final Constraints constraints;
    private final ChosenTokens chosen;
    private List<EngineResult> finished = new ArrayList<>();
    private StepListener listener = (step, results) -> {};
    private BlockArchive archive;
    private long arrivals;
    private boolean closed;

    /** An engine on the system's clocks. */
    public LlmEngine(
            ModelExecutor executor, TokenTexts texts, int[] eosTokenIds, EngineConfig config) {
        this(executor, texts, eosTokenIds, config, InstantSource.system(), System::nanoTime);
    }

    /**
     * @param executor the model on its device; closed with the engine
     * @param texts text of tokens; closed with the engine
     * @param eosTokenIds tokens that end a text
     * @param clock for the instants in results
     * @param nanoTime for the account of time in {@link #stats}
     */
    public LlmEngine(
            ModelExecutor executor,
            TokenTexts texts,
            int[] eosTokenIds,
            EngineConfig config,
            InstantSource clock,
            LongSupplier nanoTime) {
        this.executor = executor;
        this.texts = texts;
        this.clock = clock;
        eos = new EosTokens(eosTokenIds.clone());
        constraints = new Constraints(texts.vocabulary(), executor.vocabSize(), eos.ids());
        blockSize = executor.kvLayout().blockSize();
        KvCache kv =
                new KvCache(
                        executor.kvLayout().numBlocks(),
                        blockSize,
                        config.enablePrefixCaching(),
                        FREE_BLOCKS_WATERMARK);
        scheduler = new Scheduler(kv, config.maxNumSeqs());
        // A step that is launched behind another cannot guess on from what that one will choose.
        speculator =
                new Speculator(
                        executor.isAsynchronous() ? Speculation.OFF : config.speculation(),
                        executor.fixedCostRows(),
                        kv);
        int maxModelLen =
                config.maxModelLen() == 0
                        ? executor.maxModelLen()
                        : Math.min(config.maxModelLen(), executor.maxModelLen());
        limits = new RequestLimits(maxModelLen, executor.vocabSize(), kv.capacityTokens());
        input = new ForwardInput(config.maxNumBatchedTokens(), config.maxNumSeqs());
        counters = new StepCounters(nanoTime);
        chosen = new ChosenTokens(scheduler, speculator, counters, clock, this::end);
        for (int i = 0; i < 2; i++) {
            spareSteps.add(new ScheduledStep(config.maxNumBatchedTokens(), config.maxNumSeqs()));
        }
    }

    @Override
    public void submit(EngineRequest request) {
        resume(request, List.of());
    }

    @Override
    public void resume(EngineRequest request, List<int[]> generated) {
        int maxTotalTokens = limits.maxTotalTokens(request);
        RequestState state = new RequestState(request, clock.millis());
        boolean isConstrained = request.constraint() != null;
        ConstrainedText start = isConstrained ? constraints.begin(request.constraint()) : null;
        if (requests.putIfAbsent(request.requestId(), state) != null) {
            throw new IllegalArgumentException(
                    "request " + request.requestId() + " is in the engine already");
        }
        for (int choice = 0; choice < request.sampling().n(); choice++) {
            Sequence sequence = new Sequence(state, choice, arrivals++, maxTotalTokens);
            sequence.constrain(isConstrained ? start.copy() : null);
            state.addChoice(sequence, new ChoiceOutput(request.sampling(), eos, texts));
        }
        for (Sequence sequence : state.sequences()) {
            int choice = sequence.choice();
            int[] before = choice < generated.size() ? generated.get(choice) : NO_TOKENS;
            if (!replay(state, sequence, before)) {
                scheduler.add(sequence);
            } else if (state.choiceFinished()) {
                end(state, state.result(clock.millis()));
            }
        }
    }

    /** Takes over tokens that were chosen elsewhere; true if the choice has ended with them. */
    private boolean replay(RequestState state, Sequence sequence, int[] generated) {
        for (int token : generated) {
            sequence.resume(token);
            if (state.output(sequence).append(SampledToken.of(token), sequence.isFull())) {
                sequence.become(SequenceStatus.FINISHED);
                return true;
            }
        }
        if (sequence.constraint() != null && generated.length > 0) {
            sequence.constraint().replay(generated);
        }
        return false;
    }

    @Override
    public boolean abort(long requestId) {
        RequestState state = requests.remove(requestId);
        if (state == null) {
            return false;
        }
        scheduler.removeAll(state);
        return true;
    }

    @Override
    public EngineResult cancel(long requestId) {
        RequestState state = requests.remove(requestId);
        if (state == null) {
            return null;
        }
        EngineResult partial = state.partial(clock.millis());
        scheduler.removeAll(state);
        return partial;
    }

    @Override
    public boolean withdraw(long requestId) {
        RequestState state = requests.get(requestId);
        return state != null && !state.hasBegun() && abort(requestId);
    }

    @Override
    public boolean hasWork() {
        return !requests.isEmpty() || !underway.isEmpty() || !finished.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        counters.stepBegins();
        ScheduledStep step = schedule();
        boolean launched = launch(step);
        if (!launched && underway.isEmpty() && archive != null) {
            archive.awaitRead();
        }
        int mayStayUnderway = launched && executor.isAsynchronous() ? 1 : 0;
        while (underway.size() > mayStayUnderway) {
            complete(underway.remove());
        }
        counters.stepEnds();
        if (finished.isEmpty()) {
            return List.of();
        }
        List<EngineResult> results = finished;
        finished = new ArrayList<>();
        return results;
    }

    @Override
    public EngineStats stats() {
        KvTierStats tiers = archive == null ? KvTierStats.NONE : archive.stats();
        return counters.stats(scheduler, speculator.counts(), executor.times(), tiers);
    }

    /**
     * Gives the KV cache tiers below the device, before the first request; drained by {@link
     * #close}.
     */
    public void useArchive(BlockArchive below) {
        archive = below;
        scheduler.kv().useArchive(below);
    }

    /** Hears of each step after it is completed; one listener at most. */
    public void listen(StepListener stepListener) {
        listener = stepListener;
    }

    /** Other bounds than the default ones. */
    void setAdmissionBounds(AdmissionBounds bounds) {
        scheduler.setBounds(bounds);
    }

    /** Throws if blocks are lost or doubled: for tests after each step, for workers when idle. */
    public void checkConservation() {
        scheduler.kv().checkConservation();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            while (!underway.isEmpty()) {
                executor.complete(underway.remove().handle());
            }
            try {
                scheduler.kv().drain();
            } catch (RuntimeException e) {
                LOG.warn("KV blocks could not be saved at the end: {}", e.toString());
            } finally {
                executor.close();
                constraints.close();
                texts.close();
            }
        }
    }

    private ScheduledStep schedule() {
        ScheduledStep step = spareSteps.remove();
        step.begin(counters.steps() + 1);
        scheduler.schedule(step, clock.millis());
        if (step.isEmpty() && underway.isEmpty()) {
            scheduler.awaitHeld();
            scheduler.schedule(step, clock.millis());
        }
        if (!preemptedBefore.isEmpty()) {
            step.preempted().addAll(preemptedBefore);
            preemptedBefore.clear();
        }
        speculator.draft(step);
        for (int i = 0; i < step.admitted().size(); i++) {
            Sequence sequence = step.admitted().get(i);
            if (sequence.request().admitted(sequence.numComputed(), clock.millis())) {
                int numPrompt = sequence.numPromptTokens();
                int cached = Math.min(sequence.numComputed(), numPrompt);
                int seen = Math.min(sequence.seenTokens(), numPrompt);
                counters.admitted(numPrompt, cached, Math.max(cached, seen));
            }
        }
        return step;
    }

    private boolean launch(ScheduledStep step) {
        if (step.isEmpty()) {
            preemptedBefore.addAll(step.preempted());
            spareSteps.add(step);
            return false;
        }
        counters.launched();
        List<SampleRow> rows = step.fill(input, blockSize);
        counters.deviceBegins();
        step.launched(executor.launch(input, rows));
        underway.add(step);
        counters.deviceEnds();
        return true;
    }

    private void complete(ScheduledStep step) {
        counters.deviceBegins();
        List<SampledToken> sampled = executor.complete(step.handle());
        counters.deviceEnds();
        int finishedBefore = finished.size();
        for (int i = 0; i < step.size(); i++) {
            chosen.apply(step, i, sampled);
        }
        boolean anyFinished = finished.size() > finishedBefore;
        listener.completed(
                step,
                anyFinished ? finished.subList(finishedBefore, finished.size()) : List.of());
        spareSteps.add(step);
    }

    private void end(RequestState state, EngineResult result) {
        requests.remove(result.requestId());
        counters.finished();
        finished.add(result);
    }
}
