package dev.millrace.schemas.registry;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * How to reach a registry.
 *
 * @param endpoints           base URLs, tried in turn
 * @param headers             sent with every request
 * @param connectTimeout      to open a connection
 * @param readTimeout         for a whole answer
 * @param maxRetries          rounds over all endpoints after the first, when none answers
 * @param retryWait           before the first such round; doubled for each further one
 * @param maxRetryWait        longest wait between rounds
 * @param normalize           let the registry normalise schemas before it compares them
 * @param maxSchemasPerSubject most schemas one client registers under a subject: more is a program that makes
 *     them up
 * @param missingIdTtl        how long an unknown id is remembered as unknown; zero asks again each time
 * @param proxy               host:port of an HTTP proxy, or null
 * @param tls                 stores for https
 */
public record RegistryClientConfig(
        List<Endpoint> endpoints, Map<String, String> headers, Duration connectTimeout, Duration readTimeout,
        int maxRetries, Duration retryWait, Duration maxRetryWait, boolean normalize,
        int maxSchemasPerSubject,
        Duration missingIdTtl, String proxy, RegistryTls tls) {

    /** Checks the ranges. */
    public RegistryClientConfig {
        endpoints = List.copyOf(endpoints);
        headers = Map.copyOf(headers);
        if (endpoints.isEmpty()) {
            throw new IllegalArgumentException("schema.registry.url names no URL");
        }
        if (maxRetries < 0 || connectTimeout.isNegative() || readTimeout.isNegative()
                || retryWait.isNegative()
                || maxRetryWait.isNegative() || missingIdTtl.isNegative() || maxSchemasPerSubject < 1) {
            throw new IllegalArgumentException(
                    "negative number among the registry client's timeouts, retries or bounds");
        }
    }

    /**
     * Confluent's defaults for one URL, or several separated by commas, without credentials other than those
     * in the URLs.
     */
    public static RegistryClientConfig of(String urls) {
        return new RegistryClientConfig(Endpoint.list(urls, null), Map.of(),
                Duration.ofSeconds(60), Duration.ofSeconds(60),
                3, Duration.ofSeconds(1), Duration.ofSeconds(20), false, 1000, Duration.ZERO, null,
                RegistryTls.DEFAULT);
    }

    /** The same with other retry settings. */
    public RegistryClientConfig withRetries(int max, Duration wait, Duration maxWait) {
        return new RegistryClientConfig(endpoints, headers, connectTimeout, readTimeout, max, wait, maxWait,
                normalize,
                maxSchemasPerSubject, missingIdTtl, proxy, tls);
    }

    /** Headers may hold tokens, so only the URLs are shown. */
    @Override
    public String toString() {
        return "RegistryClientConfig" + endpoints;
    }

    /**
     * One base URL.
     *
     * @param base          without credentials and without a slash at the end
     * @param authorization value of the Authorization header, or null
     */
    public record Endpoint(URI base, String authorization) {
        /**
         * Splits a comma-separated list; {@code authorization} goes to all, or to none when null and the URL
         * has none.
         */
        public static List<Endpoint> list(String urls, String authorization) {
            List<Endpoint> endpoints = new ArrayList<>();
            for (String url : urls.split(",")) {
                if (!url.isBlank()) {
                    endpoints.add(parse(url.strip(), authorization));
                }
            }
            return endpoints;
        }

        private static Endpoint parse(String url, String authorization) {
            URI uri;
            try {
                uri = URI.create(url.replaceAll("/+$", ""));
            } catch (IllegalArgumentException e) {
                throw bad(url);
            }
            boolean http = "http".equalsIgnoreCase(uri.getScheme())
                    || "https".equalsIgnoreCase(uri.getScheme());
            if (!http || uri.getHost() == null || uri.getQuery() != null || uri.getFragment() != null) {
                throw bad(url);
            }
            String own = uri.getUserInfo() == null ? null : basic(uri.getUserInfo());
            String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
            URI base = URI.create(uri.getScheme() + "://" + uri.getHost() + port + uri.getRawPath());
            return new Endpoint(base, authorization != null ? authorization : own);
        }

        /** The Authorization header for {@code user:password}. */
        public static String basic(String userInfo) {
            return "Basic " + Base64.getEncoder().encodeToString(userInfo.getBytes(StandardCharsets.UTF_8));
        }

        private static IllegalArgumentException bad(String url) {
            return new IllegalArgumentException("schema.registry.url: '" + url.replaceAll("//[^/@]*@", "//")
                    + "' is no http or https URL like http://host:8081");
        }

        /** Without the credentials. */
        @Override
        public String toString() {
            return base.toString();
        }
    }
}
