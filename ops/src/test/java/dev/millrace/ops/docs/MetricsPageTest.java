package dev.millrace.ops.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.ingest.IngestMetrics;
import dev.millrace.ops.lag.LagMetrics;
import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagSnapshot.PartitionView;
import dev.millrace.ops.lag.LagSnapshot.TopicView;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.topology.SinkMetrics;
import dev.millrace.worker.WorkerConfig;
import dev.millrace.worker.WorkerMetrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * docs/metrics.md is what the roles export; dashboard and alerts use nothing else. With {@code
 * -Dmillrace.docs.write=true} the page is written anew.
 */
class MetricsPageTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
    private static final Path PAGE = ROOT.resolve("docs/metrics.md");
    private static final Pattern USED = Pattern.compile("millrace_\\w+");

    @Test
    void thePageIsCurrent() throws IOException {
        String page = page();
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.writeString(PAGE, page);
        }
        assertEquals(
                page,
                Files.readString(PAGE),
                "docs/metrics.md is out of date; write it anew with ./mvnw -pl ops -am test"
                        + " -Dtest=MetricsPageTest -Dsurefire.failIfNoSpecifiedTests=false"
                        + " -Dmillrace.docs.write=true");
    }

    @Test
    void dashboardAndAlertsUseWhatIsExported() throws IOException {
        TreeSet<String> exported = new TreeSet<>();
        for (String scrape : List.of(ingest(), worker(), sink(), lag())) {
            exported.addAll(MetricsPage.seriesNames(scrape));
        }
        JsonNode dashboard =
                new ObjectMapper()
                        .readTree(ROOT.resolve("ops/deploy/grafana/millrace.json").toFile());
        TreeSet<String> used = new TreeSet<>();
        dashboard.findValuesAsText("expr").forEach(expr -> used.addAll(names(expr)));
        assertTrue(used.size() > 20, "found only " + used);
        for (String file :
                List.of(
                        "prometheus/alerts.yml",
                        "prometheus/alerts_test.yml",
                        "helm/millrace/templates/scaledobject.yaml")) {
            used.addAll(names(Files.readString(ROOT.resolve("ops/deploy").resolve(file))));
        }
        used.removeAll(exported);
        assertEquals(new TreeSet<>(), used, "nobody exports these");
    }

    private static TreeSet<String> names(String text) {
        TreeSet<String> names = new TreeSet<>();
        Matcher matcher = USED.matcher(text);
        while (matcher.find()) {
            names.add(matcher.group());
        }
        return names;
    }

    private static String page() {
        return """
        # Metrics
        Made by `MetricsPageTest` from what the roles export; do not edit. Every role serves
        `/metrics`. Names are vLLM's with the prefix `millrace_`; a histogram also has a series
        `_max`, the largest value of the last minutes. `ops/deploy` has a Grafana dashboard and
        Prometheus alert rules on them.

        ## millrace ops and millrace up: true lag
        Log end − committed offset − finished ahead of it; transaction markers do not count.
        Scale and alert on these, not on the committed offset: jobs finish out of order, so it
        stands still at the slowest one. The label `tenant` has at most 20 values and `other`;
        `unknown` is what does not say whose it is. The same by batch is in the topic `lag`
        (contract `LagReport`) and at `/api/status`.

        %s
        ## millrace worker
        %s
        ## millrace ingest
        %s
        ## millrace sink
        %s
        ## Record headers
        Text in UTF-8. They say about a job what may be known without reading it, and never hold
        a prompt. Names with dots are OpenTelemetry's GenAI attributes; a trace made at
        submission is on every record of the job.

        | header | on | what it says |
        |---|---|---|
        | `millrace-tenant` | prompts, ready, completions | who pays |
        | `millrace-batch` | prompts, ready, completions | the batch; absent for none |
        | `millrace-prompt-tokens` | prompts, ready | estimated tokens of the prompt |
        | `traceparent`, `tracestate` | prompts, ready, completions, dead-letters \
        | W3C Trace Context |
        | `gen_ai.operation.name` | prompts, ready, completions | `chat` or `text_completion` |
        | `gen_ai.request.model` | prompts, ready | the model asked for |
        | `gen_ai.response.model` | completions | the model that answered |
        | `gen_ai.usage.input_tokens` | completions | tokens of the prompt |
        | `gen_ai.usage.cache_read.input_tokens` | completions | of these, out of the prefix cache |
        | `gen_ai.usage.output_tokens` | completions | tokens generated |
        | `error.type` | completions that failed | the error's code |
        """
                .formatted(
                        MetricsPage.table(lag()),
                        MetricsPage.table(worker()),
                        MetricsPage.table(ingest()),
                        MetricsPage.table(sink()));
    }

    private static String worker() {
        return scrape(
                registry ->
                        new WorkerMetrics(
                                registry,
                                WorkerConfig.defaults(
                                        "w",
                                        Topics.DEFAULT_POOL,
                                        "cpu",
                                        Map.of(
                                                "bootstrap.servers", "h:1",
                                                "schema.registry.url", "mock://m"))));
    }

    private static String ingest() {
        return scrape(IngestMetrics::new);
    }

    private static String sink() {
        return scrape(SinkMetrics::new);
    }

    private static String lag() {
        Amount some = new Amount(1, 2, OptionalDouble.of(3), Instant.EPOCH);
        TopicView topic =
                new TopicView(
                        Topics.PROMPTS,
                        "g",
                        some,
                        0,
                        Map.of("t", some),
                        List.of(new PartitionView(0, 1, 0)));
        return scrape(
                registry ->
                        new LagMetrics(registry, () -> Instant.EPOCH)
                                .show(
                                        new LagSnapshot(
                                                Instant.EPOCH, "p", List.of(topic), Map.of())));
    }

    private static String scrape(Consumer<MeterRegistry> roles) {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        roles.accept(registry);
        return registry.scrape();
    }
}
