package dev.millrace.worker;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.schemas.PromptJob;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Jobs answered by the engine in this process: tokenized before, put into the contract's shape
 * after.
 */
public final class LocalJobEngine implements JobEngine {
    private final LoadedModel model;
    private final Engine engine;
    private final RequestDecoder decoder;
    private final Map<Long, LocalRequest> inside = new HashMap<>();

    /** A job as the engine takes it, and what its answer must show. */
    record LocalRequest(EngineRequest tokens, boolean returnsTokenIds, List<int[]> generated)
            implements JobRequest {
        @Override
        public long requestId() {
            return tokens.requestId();
        }

        @Override
        public int priority() {
            return tokens.priority();
        }

        @Override
        public JobRequest withPriority(int priority) {
            EngineRequest changed =
                    new EngineRequest(
                            tokens.requestId(),
                            tokens.promptTokenIds(),
                            tokens.sampling(),
                            priority,
                            tokens.deadlineMs(),
                            tokens.constraint());
            return new LocalRequest(changed, returnsTokenIds, generated);
        }

        @Override
        public JobRequest resuming(List<int[]> tokensByChoice) {
            return new LocalRequest(tokens, returnsTokenIds, tokensByChoice);
        }

        @Override
        public int resumedTokens() {
            return generated.stream().mapToInt(choice -> choice.length).sum();
        }

        @Override
        public int promptTokens() {
            return tokens.promptTokenIds().length;
        }

        @Override
        public int maxTokens() {
            return tokens.sampling().maxTokens();
        }

        @Override
        public int numChoices() {
            return tokens.sampling().n();
        }
    }

    /** The engine of this model; {@link #close} closes it. */
    public LocalJobEngine(LoadedModel model) {
        this.model = model;
        this.engine = model.engine();
        this.decoder = new RequestDecoder(model);
    }

    @Override
    public String modelName() {
        return model.name();
    }

    @Override
    public String modelFingerprint() {
        return model.fingerprint();
    }

    @Override
    public JobRequest prepare(PromptJob job, long requestId) {
        return new LocalRequest(
                decoder.decode(job, requestId), job.getSampling().getReturnTokenIds(), List.of());
    }

    @Override
    public void submit(JobRequest request) {
        LocalRequest local = (LocalRequest) request;
        engine.resume(local.tokens(), local.generated());
        inside.put(local.requestId(), local);
    }

    @Override
    public boolean abort(long requestId) {
        inside.remove(requestId);
        return engine.abort(requestId);
    }

    @Override
    public JobAnswer cancel(long requestId) {
        EngineResult partial = engine.cancel(requestId);
        LocalRequest request = inside.remove(requestId);
        return partial == null || request == null ? null : LocalAnswers.encode(request, partial);
    }

    @Override
    public List<int[]> stopForHandOver(long requestId) {
        EngineResult partial = engine.cancel(requestId);
        LocalRequest request = inside.remove(requestId);
        if (partial == null || request == null || partial.completionTokens() == 0) {
            return null;
        }
        if (request.tokens().sampling().logprobs() >= 0) {
            // Log-probabilities are not handed over, so they would be missing in the answer.
            return null;
        }
        List<int[]> tokens = new ArrayList<>(request.numChoices());
        for (int i = 0; i < request.numChoices(); i++) {
            tokens.add(new int[0]);
        }
        partial.choices().forEach(choice -> tokens.set(choice.index(), choice.tokenIds()));
        return tokens;
    }

    @Override
    public boolean withdraw(long requestId) {
        boolean isWithdrawn = engine.withdraw(requestId);
        if (isWithdrawn) {
            inside.remove(requestId);
        }
        return isWithdrawn;
    }

    @Override
    public boolean hasWork() {
        return engine.hasWork();
    }

    @Override
    public List<JobAnswer> step() {
        List<EngineResult> results = engine.step();
        List<JobAnswer> answers = new ArrayList<>(results.size());
        for (EngineResult result : results) {
            LocalRequest request = inside.remove(result.requestId());
            if (request != null) {
                answers.add(LocalAnswers.encode(request, result));
            }
        }
        return answers;
    }

    @Override
    public EngineStats stats() {
        return engine.stats();
    }

    @Override
    public void close() {
        engine.close();
    }
}
