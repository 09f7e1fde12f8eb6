package dev.millrace.engine.observe;

import dev.millrace.engine.api.EngineStats;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * The engine's metrics as a table: what an exporter registers and what the reference page lists.
 * Names follow vLLM's and Prometheus' rules (base units, counters end in {@code _total}).
 */
public final class EngineMetrics {

    /** How a metric moves. */
    public enum Type {
        COUNTER,
        GAUGE
    }

    /**
     * @param name as Prometheus shows it
     * @param doc one sentence
     * @param value reads it from the engine's statistics
     */
    public record Metric(String name, Type type, String doc, ToDoubleFunction<EngineStats> value) {}

    private static final double SECONDS_PER_NANO = 1e-9;

    /** Every metric, in the order of the reference page. */
    public static final List<Metric> ALL =
            List.of(
                    gauge(
                            "millrace_num_requests_running",
                            "Sequences that take part in steps; each choice counts.",
                            EngineStats::running),
                    gauge(
                            "millrace_num_requests_waiting",
                            "Sequences that wait for admission; each choice counts.",
                            EngineStats::waiting),
                    gauge(
                            "millrace_kv_blocks_used",
                            "KV blocks in the block tables of running sequences.",
                            EngineStats::kvBlocksUsed),
                    gauge("millrace_kv_blocks", "KV blocks in all.", EngineStats::kvBlocksTotal),
                    gauge(
                            "millrace_kv_cache_usage_ratio",
                            "Share of the KV blocks in use, 0 to 1.",
                            stats -> (double) stats.kvBlocksUsed() / stats.kvBlocksTotal()),
                    counter(
                            "millrace_engine_steps_total",
                            "Steps launched on the device.",
                            EngineStats::steps),
                    counter(
                            "millrace_prompt_tokens_total",
                            "Prompt tokens of admitted requests.",
                            EngineStats::promptTokens),
                    counter(
                            "millrace_prefix_cache_hits_total",
                            "Prompt tokens of admitted requests that were in the prefix cache.",
                            EngineStats::cachedTokens),
                    counter(
                            "millrace_prefix_cache_ideal_hits_total",
                            "Prompt tokens that an unbounded prefix cache would have held.",
                            EngineStats::idealCachedTokens),
                    counter(
                            "millrace_generation_tokens_total",
                            "Tokens generated.",
                            EngineStats::generationTokens),
                    counter(
                            "millrace_forced_tokens_total",
                            "Of these, tokens that a constraint left no choice about.",
                            EngineStats::forcedTokens),
                    counter(
                            "millrace_requests_finished_total",
                            "Requests that ended with a result.",
                            EngineStats::finishedRequests),
                    counter(
                            "millrace_num_preemptions_total",
                            "Sequences that gave their blocks back and were computed again.",
                            EngineStats::preemptions),
                    counter(
                            "millrace_spec_decode_num_drafts_total",
                            "Guesses of the next tokens of a sequence.",
                            stats -> stats.drafts().drafts()),
                    counter(
                            "millrace_spec_decode_num_draft_tokens_total",
                            "Tokens guessed.",
                            stats -> stats.drafts().draftTokens()),
                    counter(
                            "millrace_spec_decode_num_accepted_tokens_total",
                            "Guessed tokens that the model chose too.",
                            stats -> stats.drafts().acceptedTokens()),
                    counter(
                            "millrace_engine_host_seconds_total",
                            "Time in scheduling, text and bookkeeping.",
                            stats -> stats.hostNanos() * SECONDS_PER_NANO),
                    counter(
                            "millrace_engine_device_seconds_total",
                            "Time waiting for the model, sampling included on host devices.",
                            stats -> stats.deviceNanos() * SECONDS_PER_NANO),
                    counter(
                            "millrace_engine_gemm_seconds_total",
                            "Of the device's time: linear layers.",
                            stats -> stats.device().gemmNanos() * SECONDS_PER_NANO),
                    counter(
                            "millrace_engine_attention_seconds_total",
                            "Of the device's time: attention.",
                            stats -> stats.device().attentionNanos() * SECONDS_PER_NANO),
                    counter(
                            "millrace_engine_rows_seconds_total",
                            "Of the device's time: norms, rotation, activation, rounding.",
                            stats -> stats.device().rowNanos() * SECONDS_PER_NANO),
                    counter(
                            "millrace_kv_device_hits_total",
                            "Tokens of admitted sequences whose KV was on the device.",
                            stats -> stats.tiers().deviceHitTokens()),
                    counter(
                            "millrace_kv_host_hits_total",
                            "Tokens of admitted sequences whose KV came from host memory.",
                            stats -> stats.tiers().hostHitTokens()),
                    counter(
                            "millrace_kv_disk_hits_total",
                            "Tokens of admitted sequences whose KV came from disk.",
                            stats -> stats.tiers().diskHitTokens()),
                    gauge(
                            "millrace_kv_host_bytes",
                            "Bytes of KV blocks in host memory.",
                            stats -> stats.tiers().hostBytes()),
                    gauge(
                            "millrace_kv_disk_bytes",
                            "Bytes of KV blocks in the disk folder, as last seen.",
                            stats -> stats.tiers().diskBytes()),
                    counter(
                            "millrace_kv_disk_writes_total",
                            "KV blocks written to disk.",
                            stats -> stats.tiers().writes()),
                    counter(
                            "millrace_kv_disk_dropped_writes_total",
                            "KV blocks that should have been written to disk and were not.",
                            stats -> stats.tiers().droppedWrites()),
                    counter(
                            "millrace_kv_disk_refused_files_total",
                            "KV files that were damaged or not what their name says.",
                            stats -> stats.tiers().refusedFiles()));

    private EngineMetrics() {}

    private static Metric gauge(String name, String doc, ToDoubleFunction<EngineStats> value) {
        return new Metric(name, Type.GAUGE, doc, value);
    }

    private static Metric counter(String name, String doc, ToDoubleFunction<EngineStats> value) {
        return new Metric(name, Type.COUNTER, doc, value);
    }
}
