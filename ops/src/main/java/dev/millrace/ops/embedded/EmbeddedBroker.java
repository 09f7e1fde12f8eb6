package dev.millrace.ops.embedded;

import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.MetadataVersion;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * A real Kafka in this JVM: one KRaft node that is broker and controller, bound to the loopback
 * address. Formats its folder the first time, as kafka-storage.sh would, and finds its data there
 * again afterwards.
 */
public final class EmbeddedBroker implements AutoCloseable {
    private static final String HOST = "127.0.0.1";
    private static final int NODE_ID = 0;

    private final int port;
    private final KafkaRaftServer server;

    private EmbeddedBroker(int port, KafkaRaftServer server) {
        this.port = port;
        this.server = server;
    }

    /**
     * Starts a broker.
     *
     * @param dataDir where its log lives; made if missing
     * @param port of the client listener; 0 takes a free one
     * @param overrides broker properties that win over ours
     * @throws IllegalStateException when the port is taken or the folder is in use, saying which
     */
    public static EmbeddedBroker start(Path dataDir, int port, Map<String, String> overrides) {
        int clientPort = port == 0 ? freePort() : requireFree(port);
        Properties properties = properties(dataDir, clientPort, freePort());
        properties.putAll(overrides);
        try {
            Files.createDirectories(dataDir);
            format(dataDir);
            KafkaRaftServer server =
                    new KafkaRaftServer(KafkaConfig.fromProps(properties, false), Time.SYSTEM);
            server.startup();
            return new EmbeddedBroker(clientPort, server);
        } catch (Exception e) {
            throw new IllegalStateException(
                    "the embedded Kafka did not start on port "
                            + clientPort
                            + " with data in "
                            + dataDir
                            + ": "
                            + rootMessage(e),
                    e);
        }
    }

    public String bootstrap() {
        return HOST + ":" + port;
    }

    @Override
    public void close() {
        server.shutdown();
        server.awaitShutdown();
    }

    private static void format(Path dataDir) throws Exception {
        new Formatter()
                .setPrintStream(new PrintStream(OutputStream.nullOutputStream()))
                .setNodeId(NODE_ID)
                .setClusterId(clusterId(dataDir))
                .setDirectories(List.of(dataDir.toString()))
                .setMetadataLogDirectory(dataDir.toString())
                .setControllerListenerName("CONTROLLER")
                .setReleaseVersion(MetadataVersion.latestProduction())
                .setIgnoreFormatted(true)
                .setSupportedFeatures(List.of(Feature.PRODUCTION_FEATURES.toArray(new Feature[0])))
                .run();
    }

    /** The id a formatted folder already has; the formatter refuses another one. */
    private static String clusterId(Path dataDir) throws IOException {
        Path meta = dataDir.resolve("meta.properties");
        if (Files.exists(meta)) {
            Properties written = new Properties();
            try (var in = Files.newInputStream(meta)) {
                written.load(in);
            }
            return written.getProperty("cluster.id");
        }
        return Uuid.randomUuid().toString();
    }

    private static Properties properties(Path dataDir, int clientPort, int controllerPort) {
        String controller = HOST + ":" + controllerPort;
        Properties p = new Properties();
        p.put("process.roles", "broker,controller");
        p.put("node.id", Integer.toString(NODE_ID));
        p.put("controller.quorum.voters", NODE_ID + "@" + controller);
        p.put(
                "listeners",
                "PLAINTEXT://" + HOST + ":" + clientPort + ",CONTROLLER://" + controller);
        p.put("advertised.listeners", "PLAINTEXT://" + HOST + ":" + clientPort);
        p.put("inter.broker.listener.name", "PLAINTEXT");
        p.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        p.put("controller.listener.names", "CONTROLLER");
        p.put("log.dirs", dataDir.toString());
        // One node: nothing to replicate to. Few internal partitions: each costs files and start-up
        // time.
        for (String topic :
                List.of(
                        "offsets.topic",
                        "transaction.state.log",
                        "share.coordinator.state.topic")) {
            p.put(topic + ".replication.factor", "1");
            p.put(topic + ".num.partitions", "5");
        }
        p.put("transaction.state.log.min.isr", "1");
        p.put("share.coordinator.state.topic.min.isr", "1");
        p.put("default.replication.factor", "1");
        p.put("num.partitions", "1");
        p.put("auto.create.topics.enable", "false");
        p.put("metric.reporters", "");
        // Of 128 MB by default; enough for the keys of a folder on one machine, in several passes.
        p.put("log.cleaner.dedupe.buffer.size", Integer.toString(16 << 20));
        // A group of one machine need not wait for members from elsewhere.
        p.put("group.initial.rebalance.delay.ms", "0");
        for (String group : List.of("consumer", "share", "streams")) {
            p.put("group." + group + ".min.heartbeat.interval.ms", "500");
            p.put("group." + group + ".heartbeat.interval.ms", "500");
        }
        return p;
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException("no free port on the loopback address", e);
        }
    }

    private static int requireFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(
                    "port "
                            + port
                            + " for Kafka is taken; choose another with --kafka-port, or 0 for any"
                            + " free one",
                    e);
        }
    }

    private static String rootMessage(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }
}
