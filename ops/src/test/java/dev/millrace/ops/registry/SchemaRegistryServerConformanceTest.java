package dev.millrace.ops.registry;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Our registry does all that the suite asks. */
class SchemaRegistryServerConformanceTest extends RegistryConformance {
    private static SchemaRegistryServer server;

    @BeforeAll
    static void start() {
        server = new SchemaRegistryServer(
                RegistryConfig.inMemory(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Override
    protected String url() {
        return server.url();
    }
}
