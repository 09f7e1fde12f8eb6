package dev.millrace.ops.http;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * One HTTP port on which several handlers are mounted by path. A handler gets every request whose
 * path begins with its own unless a longer one fits; each request has a virtual thread.
 */
public final class HttpPort implements AutoCloseable {
    static {
        // The JDK's server reads these once, before the first server is made. Without the first,
        // each small answer waits 40 ms for the client's acknowledgement; without the second,
        // connections are only bounded by memory.
        setDefault("sun.net.httpserver.nodelay", "true");
        setDefault("jdk.httpserver.maxConnections", "2000");
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Set<String> mounted = new HashSet<>();

    /**
     * Opens the port and answers 404 until something is mounted.
     *
     * @param bind port 0 takes a free one
     * @throws IllegalStateException when the port is taken
     */
    public HttpPort(InetSocketAddress bind) {
        try {
            server = HttpServer.create(bind, 0);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "port "
                            + bind.getPort()
                            + " for HTTP on "
                            + bind.getHostString()
                            + " cannot be had ("
                            + e.getMessage()
                            + "); choose another with --http-port, or 0 for any free one",
                    e);
        }
        server.setExecutor(threads);
        server.start();
    }

    /** Mounts a handler at a path, in place of one that is there already. */
    public synchronized HttpPort mount(String path, HttpHandler handler) {
        if (!mounted.add(path)) {
            server.removeContext(path);
        }
        server.createContext(path, handler);
        return this;
    }

    /** Where it is reached, without a slash at the end. */
    public String url() {
        InetSocketAddress address = server.getAddress();
        String host = address.getAddress().getHostAddress();
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /** Closes the port at once; requests that run are cut off. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }
}
