package dev.millrace.schemas.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A registry behind https with a certificate that no public authority signed, as in most companies. */
class RegistryTlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();

    @TempDir
    static Path folder;
    private static Path store;
    private static HttpsServer server;

    @BeforeAll
    static void start() throws Exception {
        store = folder.resolve("server.p12");
        Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool")
                .toString(), "-genkeypair",
                "-alias", "r", "-keyalg", "EC", "-dname", "CN=registry", "-ext", "san=ip:127.0.0.1",
                "-validity", "30", "-storetype", "PKCS12",
                "-keystore", store.toString(), "-storepass", new String(PASSWORD)).redirectErrorStream(true)
                .start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, keytool.waitFor(), said);
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, PASSWORD);
        }
        byte[] certificate = keys.getCertificate("r").getEncoded();
        Files.writeString(folder.resolve("ca.pem"), "-----BEGIN CERTIFICATE-----\n" + Base64.getMimeEncoder()
                .encodeToString(certificate)
                + "\n-----END CERTIFICATE-----\n");
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.createContext("/", exchange -> {
            byte[] answer = "{\"id\":5}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }

    @AfterAll
    static void stop() {
        server.stop(0);
    }

    private static int register(String... pairs) {
        Map<String, Object> properties = new HashMap<>(Map.of(
                "schema.registry.url", "https://127.0.0.1:" + server.getAddress().getPort(), "max.retries",
                0));
        for (int i = 0; i < pairs.length; i += 2) {
            properties.put("schema.registry.ssl.truststore." + pairs[i], pairs[i + 1]);
        }
        try (var client = new RestSchemaRegistryClient(RegistryProperties.parse(properties))) {
            return client.register("s", Schema.create(Schema.Type.STRING));
        }
    }

    @Test
    void aTrustStoreLetsItIn() {
        assertEquals(5, register("location", folder.resolve("ca.pem").toString(), "type", "PEM"));
    }

    @Test
    void withoutOneItIsRefusedAndTheReasonIsSaid() {
        var e = assertThrows(RegistryUnavailableException.class, () -> register());
        assertTrue(e.getMessage().contains("certification path"), e.getMessage());
    }

    @Test
    void aWrongPasswordNamesTheFile() {
        var e = assertThrows(IllegalArgumentException.class,
                () -> register("location", store.toString(), "type", "PKCS12", "password", "wrong"));
        assertTrue(e.getMessage().contains(store.toString()), e.getMessage());
    }
}
