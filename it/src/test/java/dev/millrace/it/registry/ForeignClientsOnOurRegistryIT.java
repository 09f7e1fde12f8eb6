package dev.millrace.it.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.ops.registry.RegistryConfig;
import dev.millrace.ops.registry.SchemaRegistryServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.avro.AvroSchema;
import org.apache.flink.avro.registry.confluent.shaded
        .io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Confluent's client at our registry. */
class ForeignClientsOnOurRegistryIT extends ForeignClients {
    private static SchemaRegistryServer server;

    private static InetSocketAddress free() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    @BeforeAll
    static void start() {
        server = new SchemaRegistryServer(RegistryConfig.inMemory(free())).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Override
    String url() {
        return server.url();
    }

    @Test
    void credentialsOfConfluentsClientAreUnderstood() throws Exception {
        try (var closed = new SchemaRegistryServer(new RegistryConfig(free(), null, "FULL", "kim:pass:word"))
                .start()) {
            var confluent = new CachedSchemaRegistryClient(List.of(closed.url()), 10,
                    Map.of("basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info",
                    "kim:pass:word"));
            assertEquals(1, confluent.register("s", new AvroSchema("\"string\"")));
        }
    }
}
