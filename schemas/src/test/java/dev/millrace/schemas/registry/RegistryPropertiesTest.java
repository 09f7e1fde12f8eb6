package dev.millrace.schemas.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.registry.RegistryClientConfig.Endpoint;
import dev.millrace.schemas.registry.StubRegistry.Answer;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.kafka.common.config.types.Password;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Confluent's property names, read or refused. */
class RegistryPropertiesTest {
    private static final String URL = "http://r:8081";

    private static Map<String, Object> with(String... pairs) {
        Map<String, Object> properties = new HashMap<>(Map.of("schema.registry.url", URL));
        for (int i = 0; i < pairs.length; i += 2) {
            properties.put(pairs[i], pairs[i + 1]);
        }
        return properties;
    }

    private static String authorization(String... pairs) {
        return RegistryProperties.parse(with(pairs)).endpoints().getFirst().authorization();
    }

    @Test
    void defaultsAreConfluents() {
        RegistryClientConfig config = RegistryProperties.parse(with());
        assertEquals(RegistryClientConfig.of(URL), config);
        assertEquals(3, config.maxRetries());
        assertEquals(Duration.ofSeconds(1), config.retryWait());
        assertNull(config.endpoints().getFirst().authorization());
    }

    @Test
    void credentials() {
        assertEquals("Basic dTpwOnc=",
                authorization("basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info", "u:p:w"));
        assertEquals("Basic dTpwOnc=",
                authorization("basic.auth.credentials.source", "USER_INFO",
                "schema.registry.basic.auth.user.info", "u:p:w"));
        assertEquals("Basic dTpw", authorization("schema.registry.url", "http://u:p@r:8081/x/"));
        assertEquals("Bearer tok",
                authorization("bearer.auth.credentials.source", "STATIC_TOKEN", "bearer.auth.token", "tok"));
        assertEquals("Bearer tok", authorization("bearer.auth.token", "tok"));
        Map<String, Object> typed = with("basic.auth.credentials.source", "USER_INFO");
        typed.put("basic.auth.user.info", new Password("u:p:w"));
        assertEquals("Basic dTpwOnc=", RegistryProperties.parse(typed).endpoints().getFirst()
                .authorization());
        assertEquals(URI.create("http://r:8081/x"), Endpoint.list("http://u:p@r:8081/x/", null).getFirst()
                .base());
    }

    @Test
    void secretsAreNotShown() {
        String shown = RegistryProperties.parse(
                with("schema.registry.url", "http://u:pass@r:1", "request.header.X-Key", "pass",
                "schema.registry.ssl.truststore.location", "/t", "schema.registry.ssl.truststore.password",
                "pass")).toString();
        assertTrue(shown.contains("http://r:1"), shown);
        assertFalse(shown.contains("pass"), shown);
        var e = assertThrows(IllegalArgumentException.class, () -> Endpoint.list("ftp://u:pass@r:1", null));
        assertFalse(e.getMessage().contains("pass"), e.getMessage());
    }

    @Test
    void namesMayCarryTheNamespaceAndHeadersPass() {
        RegistryClientConfig config =
                RegistryProperties.parse(with("schema.registry.max.retries", "9", "max.retries", "1",
                "request.header.X-Tenant", "a", "schema.registry.request.header.X-Two", "b",
                "schema.registry.url", "http://a:1,https://b"));
        assertEquals(9, config.maxRetries(), "the namespaced one is the more specific");
        assertEquals(Map.of("X-Tenant", "a", "X-Two", "b"), config.headers());
        assertEquals(List.of("http://a:1", "https://b"), config.endpoints().stream().map(Endpoint::toString)
                .toList());
        assertEquals("p:3128", RegistryProperties.parse(with("proxy.host", "p", "proxy.port", "3128"))
                .proxy());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "basic.auth.credentials.source=SASL_INHERIT", "basic.auth.user.info=u:p",
                "basic.auth.credentials.source=USER_INFO",
        "bearer.auth.credentials.source=OAUTHBEARER", "bearer.auth.issuer.endpoint.url=http://x",
        "missing.cache.size=5",
        "schema.registry.ssl.protocol=TLSv1", "schema.registry.anything=1", "max.retries=-1",
        "max.retries=many", "proxy.host=h",
        "normalize.schemas=maybe", "schema.registry.url=r:8081", "schema.registry.url=http://a,mock://b",
        "schema.registry.url=ftp://x",
        "bearer.auth.credentials.source=STATIC_TOKEN"})
    void whatIsBadOrNotSupportedIsNamed(String setting) {
        String[] pair = setting.split("=", 2);
        var e = assertThrows(IllegalArgumentException.class,
                () -> RegistryProperties.parse(with(pair[0], pair[1])));
        assertTrue(e.getMessage().contains(pair[0]), e.getMessage());
    }

    @Test
    void theUrlMustBeThere() {
        var e = assertThrows(IllegalArgumentException.class,
                () -> SchemaRegistryClients.open(Map.of("bootstrap.servers", "x")));
        assertTrue(e.getMessage().contains("schema.registry.url"), e.getMessage());
    }

    @Test
    void aMissingTrustStoreIsNamed() {
        var e = assertThrows(IllegalArgumentException.class,
                () -> SchemaRegistryClients.open(
                with("schema.registry.ssl.truststore.location", "/no/such/store.jks")));
        assertTrue(e.getMessage().contains("/no/such/store.jks"), e.getMessage());
    }

    @Test
    void theSameScopeIsTheSameRegistry() {
        var one = SchemaRegistryClients.open(Map.of("schema.registry.url", "mock://scopes"));
        assertSame(one, SchemaRegistryClients.open(Map.of("schema.registry.url", "mock://scopes")));
        assertNotSame(one, SchemaRegistryClients.open(Map.of("schema.registry.url", "mock://other")));
        InMemorySchemaRegistryClient.dropScope("scopes");
        assertNotSame(one, SchemaRegistryClients.open(Map.of("schema.registry.url", "mock://scopes")));
    }

    @Test
    void equalSettingsShareOneClientUntilTheLastUserCloses() {
        Schema text = Schema.create(Schema.Type.STRING);
        try (var stub = new StubRegistry(r -> new Answer(200, "{\"id\":1}"))) {
            Map<String, String> properties = Map.of("schema.registry.url", stub.url());
            var one = SchemaRegistryClients.open(properties);
            try (var two = SchemaRegistryClients.open(properties)) {
                one.register("s", text);
                two.register("s", text);
                assertEquals(1, stub.requests.size(), "they share what they learnt");
                one.close();
                one.close();
                two.register("t", text);
            }
            try (var three = SchemaRegistryClients.open(properties)) {
                three.register("s", text);
            }
            assertEquals(3, stub.requests.size(), "a client made anew asks anew");
        }
    }
}
