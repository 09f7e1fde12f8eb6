package dev.millrace.it.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.LocatorAssertions.ContainsTextOptions;
import com.microsoft.playwright.assertions.LocatorAssertions.HasAttributeOptions;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;

import dev.millrace.it.pipeline.EchoInstallation;
import dev.millrace.ops.console.OpsPages;
import dev.millrace.ops.console.OpsService;
import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.schemas.Topics;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** The status page in a real browser, before a real Kafka. */
class StatusPageIT {
    private static final double PATIENCE_MS = 60_000;
    private static final int JOBS = 120;

    @TempDir Path dir;

    @Test
    void thePageShowsWhatIsAndSaysWhenItCannotSee() throws Exception {
        PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (Chromium chromium = Chromium.start();
                EchoInstallation installation = new EchoInstallation(dir);
                OpsService service =
                        new OpsService(
                                        installation.properties(),
                                        Topics.DEFAULT_POOL,
                                        metrics,
                                        InstantSource.system())
                                .start();
                HttpPort port =
                        HealthPages.open(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                                metrics,
                                service::problem)) {
            OpsPages.mount(port, service);
            List<String> errors = new ArrayList<>();
            Page desktop = open(chromium, port.url(), errors, desktop());
            installation.publish("night-run", "acme", JOBS);
            assertThat(desktop.locator("#lag")).containsText("120", patient());
            assertThat(desktop.locator("#topics")).containsText("acme", patient());
            assertThat(desktop.locator("#letters")).containsText("prompts-", patient());
            installation.startWorker();
            assertThat(desktop.locator("#lag-note")).containsText("all done", patient());
            assertThat(desktop.locator("#workers")).containsText("echo-1", patient());
            assertThat(desktop.locator("#batches")).containsText("night-run", patient());
            assertThat(desktop.locator("#freshness-text")).containsText("live", patient());
            // The lag comes of the workers' offsets, the bar of what the sink has counted since.
            assertThat(desktop.getByRole(AriaRole.PROGRESSBAR).first())
                    .hasAttribute("aria-valuenow", Integer.toString(JOBS), patientToo());
            assertFitsPhone(chromium, port.url(), errors);
            assertNoPrompts(desktop.content());
            assertNoPrompts(metrics.scrape());
            assertEquals(List.of(), errors);
            installation.stopKafka();
            assertThat(desktop.locator("#freshness-text")).containsText("stale", patient());
            assertThat(desktop.locator("#alert")).containsText("Cannot see", patient());
            assertThat(desktop.locator("#lag-note")).containsText("all done", patient());
        }
    }

    private static void assertFitsPhone(Chromium chromium, String url, List<String> errors) {
        Page phone =
                open(
                        chromium,
                        url,
                        errors,
                        new Browser.NewContextOptions()
                                .setViewportSize(360, 740)
                                .setIsMobile(true)
                                .setColorScheme(ColorScheme.DARK));
        assertThat(phone.locator("#workers")).containsText("echo-1", patient());
        int overflow =
                ((Number) phone.evaluate("document.documentElement.scrollWidth - innerWidth"))
                        .intValue();
        assertTrue(overflow <= 0, "the page is " + overflow + " pixels too wide for a phone");
        String background =
                (String) phone.evaluate("getComputedStyle(document.body).backgroundColor");
        assertEquals("rgb(14, 19, 24)", background, "dark colours are asked for");
    }

    private static void assertNoPrompts(String text) {
        assertTrue(text.length() > 1000, "nothing to search in");
        assertFalse(
                text.contains(EchoInstallation.SECRET_OF_PROMPTS), "a prompt is shown: " + text);
    }

    private static Page open(
            Chromium chromium, String url, List<String> errors, Browser.NewContextOptions options) {
        BrowserContext context = chromium.browser().newContext(options);
        Page page = context.newPage();
        page.onPageError(errors::add);
        page.onConsoleMessage(
                message -> {
                    if (message.type().equals("error")) {
                        errors.add(message.text());
                    }
                });
        page.navigate(url);
        return page;
    }

    private static Browser.NewContextOptions desktop() {
        return new Browser.NewContextOptions().setViewportSize(1280, 900);
    }

    private static HasAttributeOptions patientToo() {
        return new HasAttributeOptions().setTimeout(PATIENCE_MS);
    }

    private static ContainsTextOptions patient() {
        return new ContainsTextOptions().setTimeout(PATIENCE_MS);
    }
}
