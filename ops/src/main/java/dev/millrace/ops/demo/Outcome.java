package dev.millrace.ops.demo;

import dev.millrace.ops.demo.Promised.Score;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * What came out of the demonstration, counted from the completions topic itself: each prompt must
 * be answered exactly once. Jobs carry their task and the expected answer as metadata.
 */
public final class Outcome {
    private final int prompts;
    private final Map<String, Integer> answersPerJob = new HashMap<>();
    private final Map<String, Score> perTask = new TreeMap<>();
    private int completed;
    private int failed;
    private int doubled;
    private long promptTokens;
    private long cachedTokens;
    private long completionTokens;

    /**
     * @param prompts how many were published
     */
    public Outcome(int prompts) {
        this.prompts = prompts;
    }

    /** Counts one record of the completions topic. */
    public void add(Completion completion) {
        if (answersPerJob.merge(completion.getJobId(), 1, Integer::sum) > 1) {
            doubled++;
            return;
        }
        boolean ok = completion.getStatus() == CompletionStatus.COMPLETED;
        if (ok) {
            completed++;
        } else {
            failed++;
        }
        if (completion.getUsage() != null) {
            promptTokens += completion.getUsage().getPromptTokens();
            cachedTokens += completion.getUsage().getCachedTokens();
            completionTokens += completion.getUsage().getCompletionTokens();
        }
        String expected = completion.getMetadata().get("expected");
        boolean right = ok && completion.getChoices().getFirst().getText().equals(expected);
        String task = completion.getMetadata().getOrDefault("task", "");
        perTask.merge(
                task,
                new Score(right ? 1 : 0, 1),
                (a, b) -> new Score(a.right() + b.right(), a.of() + b.of()));
    }

    /** Prompts with at least one answer. */
    public int answered() {
        return answersPerJob.size();
    }

    public int prompts() {
        return prompts;
    }

    public int completed() {
        return completed;
    }

    public int failed() {
        return failed;
    }

    /** Answers beyond the first of their prompt; any is a broken promise. */
    public int doubled() {
        return doubled;
    }

    public int lost() {
        return prompts - answered();
    }

    public long promptTokens() {
        return promptTokens;
    }

    public long cachedTokens() {
        return cachedTokens;
    }

    public long completionTokens() {
        return completionTokens;
    }

    public Map<String, Score> perTask() {
        return perTask;
    }

    public Score all() {
        return perTask.values().stream()
                .reduce(
                        new Score(0, 0),
                        (a, b) -> new Score(a.right() + b.right(), a.of() + b.of()));
    }

    /** Whether every prompt was answered exactly once. */
    public boolean exactlyOnce() {
        return lost() == 0 && doubled == 0 && completed + failed == prompts;
    }

    /** Whether the accuracy is at most a point below what is promised for all tasks together. */
    public boolean accurate(Promised promised) {
        return all().share() >= promised.all().share() - 0.01;
    }
}
