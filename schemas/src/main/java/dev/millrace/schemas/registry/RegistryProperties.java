package dev.millrace.schemas.registry;

import dev.millrace.schemas.registry.RegistryClientConfig.Endpoint;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confluent's property names for a registry client, as documented for its SchemaRegistryClient. Each but the
 * URL may also be written with {@code schema.registry.} before it. What Confluent knows and this client does
 * not is an error when it is set, never ignored; properties of other clients pass.
 */
public final class RegistryProperties {
    /** Base URLs, separated by commas; or {@code mock://scope}. */
    public static final String URL = "schema.registry.url";
    /** Namespace under which every name below is also understood. */
    static final String NAMESPACE = "schema.registry.";
    /** URL (the default: from user:password@ in the URL) or USER_INFO. */
    static final String CREDENTIALS_SOURCE = "basic.auth.credentials.source";
    /** user:password for USER_INFO. */
    static final String USER_INFO = "basic.auth.user.info";
    /** STATIC_TOKEN. */
    static final String TOKEN_SOURCE = "bearer.auth.credentials.source";
    /** The token. */
    static final String TOKEN = "bearer.auth.token";
    /** request.header.NAME=VALUE is sent with each request. */
    static final String HEADER_PREFIX = "request.header.";

    private static final String STORE_PREFIX = "ssl.";
    private static final Set<String> NAMES = Set.of(
            CREDENTIALS_SOURCE, USER_INFO, TOKEN_SOURCE, TOKEN, "http.connect.timeout.ms",
            "http.read.timeout.ms", "max.retries",
            "retries.wait.ms", "retries.max.wait.ms", "max.schemas.per.subject", "missing.id.cache.ttl.sec",
            "normalize.schemas",
            "proxy.host", "proxy.port");
    private static final Set<String> STORE_NAMES = Set.of(
            "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.type",
            "ssl.keystore.location",
            "ssl.keystore.password", "ssl.keystore.type", "ssl.key.password");
    private static final List<String> REFUSED_PREFIXES = List.of("basic.auth.", "bearer.auth.", "missing.",
            "url.");

    private RegistryProperties() {}

    /**
     * Reads a client's settings; {@link IllegalArgumentException} names the property that is missing, bad or
     * unsupported.
     */
    public static RegistryClientConfig parse(Map<String, ?> properties) {
        Map<String, Object> own = own(properties);
        ClientProperties p = new ClientProperties(own);
        String urls = new ClientProperties(properties).text(URL);
        if (urls == null) {
            throw new IllegalArgumentException(URL + " is not set");
        }
        if (urls.contains("mock://")) {
            throw ClientProperties.bad(URL, urls, "either one mock://scope or URLs of registries");
        }
        Map<String, String> headers = new HashMap<>();
        for (String name : own.keySet()) {
            if (name.startsWith(HEADER_PREFIX) && p.has(name)) {
                headers.put(name.substring(HEADER_PREFIX.length()), p.text(name));
            }
        }
        String proxy = p.has("proxy.host") ? p.text("proxy.host") + ":" + proxyPort(p) : null;
        return new RegistryClientConfig(Endpoint.list(urls, authorization(p)), headers,
                p.millis("http.connect.timeout.ms", 60_000),
                p.millis("http.read.timeout.ms", 60_000), p.number("max.retries", 3, 0),
                p.millis("retries.wait.ms", 1000),
                p.millis("retries.max.wait.ms", 20_000), p.flag("normalize.schemas", false),
                p.number("max.schemas.per.subject", 1000, 1),
                Duration.ofSeconds(p.number("missing.id.cache.ttl.sec", 0, 0)), proxy, tls(p));
    }

    /** The registry's properties without their namespace; what is in the namespace and unknown is refused. */
    private static Map<String, Object> own(Map<String, ?> properties) {
        Map<String, Object> own = new HashMap<>();
        properties.forEach((name, value) -> {
            if (NAMES.contains(name) || name.startsWith(HEADER_PREFIX)) {
                own.putIfAbsent(name, value);
            } else if (REFUSED_PREFIXES.stream().anyMatch(name::startsWith)) {
                throw new IllegalArgumentException(name + " is not supported by this client");
            }
        });
        properties.forEach((name, value) -> {
            if (name.startsWith(NAMESPACE) && !name.equals(URL)) {
                String bare = name.substring(NAMESPACE.length());
                if (!NAMES.contains(bare) && !STORE_NAMES.contains(bare) && !bare.startsWith(HEADER_PREFIX)) {
                    throw new IllegalArgumentException(name + " is not supported by this client");
                }
                own.put(bare, value);
            }
        });
        return own;
    }

    private static String authorization(ClientProperties p) {
        String source = p.has(CREDENTIALS_SOURCE) ? p.text(CREDENTIALS_SOURCE) : "URL";
        String tokenSource = p.has(TOKEN_SOURCE) ? p.text(TOKEN_SOURCE) : "STATIC_TOKEN";
        if (!source.equals("URL") && !source.equals("USER_INFO")) {
            throw ClientProperties.bad(CREDENTIALS_SOURCE, source,
                    "URL or USER_INFO; others are not supported");
        }
        if (!tokenSource.equals("STATIC_TOKEN")) {
            throw ClientProperties.bad(TOKEN_SOURCE, tokenSource, "STATIC_TOKEN; others are not supported");
        }
        boolean userInfo = source.equals("USER_INFO");
        if (userInfo != p.has(USER_INFO)) {
            throw new IllegalArgumentException(userInfo ? CREDENTIALS_SOURCE + "=USER_INFO needs "
                    + USER_INFO + "=user:password"
                    : USER_INFO + " is set, but " + CREDENTIALS_SOURCE + " is not USER_INFO");
        }
        if (p.has(TOKEN_SOURCE) && !p.has(TOKEN)) {
            throw new IllegalArgumentException(TOKEN_SOURCE + "=STATIC_TOKEN needs " + TOKEN);
        }
        if (userInfo && p.has(TOKEN)) {
            throw new IllegalArgumentException(
                    USER_INFO + " and " + TOKEN + " are both set: one Authorization header is all there is");
        }
        if (p.has(TOKEN)) {
            return "Bearer " + p.text(TOKEN);
        }
        return userInfo ? Endpoint.basic(p.text(USER_INFO)) : null;
    }

    private static int proxyPort(ClientProperties p) {
        int port = p.number("proxy.port", -1, 1);
        if (port < 0) {
            throw new IllegalArgumentException("proxy.host needs proxy.port");
        }
        return port;
    }

    private static RegistryTls tls(ClientProperties p) {
        RegistryTls tls = new RegistryTls(store(p, "truststore"), store(p, "keystore"));
        if (tls.keyStore() != null && tls.keyStore().type().equalsIgnoreCase("PEM")) {
            throw ClientProperties.bad(NAMESPACE + "ssl.keystore.type", "PEM", "JKS or PKCS12");
        }
        return tls;
    }

    private static RegistryTls.Store store(ClientProperties p, String which) {
        String prefix = STORE_PREFIX + which + ".";
        if (!p.has(prefix + "location")) {
            return null;
        }
        String type = p.has(prefix + "type") ? p.text(prefix + "type") : "JKS";
        return new RegistryTls.Store(p.text(prefix + "location"), type, p.text(prefix + "password"),
                p.text("ssl.key.password"));
    }
}
