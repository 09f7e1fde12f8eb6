package dev.millrace.ops.gateway;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/**
 * The door: gives each request an id, asks for its key, finds who answers it, and turns whatever
 * goes wrong into OpenAI's error object.
 */
final class GatewayHandler implements HttpHandler {
    static final String ROOT = "/v1";

    private static final Logger LOG = LoggerFactory.getLogger(GatewayHandler.class);
    private static final String BEARER = "bearer ";

    /** Answers the requests of one method to one shape of path. */
    interface Action {
        void answer(Call call) throws IOException;
    }

    private record Route(String[] shape, Map<String, Action> actions) {
        boolean fits(List<String> path) {
            if (path.size() != shape.length) {
                return false;
            }
            for (int i = 0; i < shape.length; i++) {
                if (!shape[i].equals("*") && !shape[i].equals(path.get(i))) {
                    return false;
                }
            }
            return true;
        }

        String allowed() {
            return String.join(", ", actions.keySet())
                    + (actions.containsKey("GET") ? ", HEAD" : "")
                    + ", OPTIONS";
        }
    }

    private final ApiKeys keys;
    private final StallGuard guard;
    private final MeterRegistry metrics;
    private final List<Route> routes = new ArrayList<>();

    GatewayHandler(ApiKeys keys, StallGuard guard, MeterRegistry metrics) {
        this.keys = keys;
        this.guard = guard;
        this.metrics = metrics;
    }

    /**
     * Adds an answer.
     *
     * @param shape the path behind {@code /v1/}; {@code *} stands for any one segment
     */
    GatewayHandler on(String method, String shape, Action action) {
        String[] segments = shape.split("/");
        Route known =
                routes.stream()
                        .filter(route -> String.join("/", route.shape).equals(shape))
                        .findFirst()
                        .orElse(null);
        if (known == null) {
            known = new Route(segments, new LinkedHashMap<>());
            routes.add(known);
        }
        known.actions.put(method, action);
        return this;
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        String requestId = "req_" + UUID.randomUUID().toString().replace("-", "");
        try (exchange) {
            Call call = new Call(exchange, guard, path(exchange));
            call.setHeader("x-request-id", requestId);
            try {
                answer(call);
            } catch (ApiFailure e) {
                call.fail(e);
            } catch (StallGuard.StalledException e) {
                LOG.info("{}: {}", requestId, e.getMessage());
                call.fail(ApiFailure.timedOut("The request came too slowly."));
            } catch (RuntimeException e) {
                LOG.error("{} failed", requestId, e);
                call.fail(ApiFailure.internal("The request failed; its id is " + requestId + "."));
            } finally {
                count(call, exchange.getResponseCode());
            }
        } catch (IOException e) {
            // The client has gone, or its connection was cut off; there is nobody to tell.
            LOG.debug("{} was not answered: {}", requestId, e.getMessage());
        }
    }

    private static List<String> path(HttpExchange exchange) {
        String raw = exchange.getRequestURI().getRawPath();
        List<String> path = new ArrayList<>();
        // Ids and fixed names need no escapes, so an escaped path fits nothing.
        if (raw.startsWith(ROOT + "/")) {
            path.addAll(List.of(raw.substring(ROOT.length() + 1).split("/", -1)));
        }
        return path;
    }

    private void answer(Call call) throws IOException {
        authenticate(call);
        Route route =
                routes.stream().filter(each -> each.fits(call.path())).findFirst().orElse(null);
        if (route == null) {
            throw ApiFailure.unknownUrl(
                    "Unknown request URL: "
                            + call.method()
                            + " "
                            + ROOT
                            + "/"
                            + String.join("/", call.path())
                            + ". There are /v1/files, /v1/batches and /v1/models.");
        }
        if (call.method().equals("OPTIONS")) {
            call.setHeader("Allow", route.allowed());
            call.answerEmpty(204);
            return;
        }
        Action action = route.actions().get(call.method().equals("HEAD") ? "GET" : call.method());
        if (action == null) {
            call.setHeader("Allow", route.allowed());
            throw ApiFailure.methodNotAllowed(
                    "Not allowed: " + call.method() + ". Allowed: " + route.allowed() + ".");
        }
        action.answer(call);
    }

    private void authenticate(Call call) {
        String header = call.header("Authorization");
        if (header == null || !header.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
            call.setHeader("WWW-Authenticate", "Bearer");
            throw ApiFailure.unauthorized(
                    "You didn't provide an API key. Send it in an Authorization header: 'Bearer"
                            + " YOUR_KEY'.");
        }
        String key = header.substring(BEARER.length()).strip();
        call.setTenant(
                keys.tenantOf(key)
                        .filter(tenant -> !key.isEmpty())
                        .orElseThrow(() -> ApiFailure.unauthorized("Incorrect API key provided.")));
    }

    private void count(Call call, int status) {
        String what = call.path().isEmpty() ? "" : call.path().getFirst();
        boolean known = what.equals("files") || what.equals("batches") || what.equals("models");
        Counter.builder("millrace_gateway_requests")
                .description("Requests to the Batch API, by method, resource and status")
                .tag("method", known ? call.method() : "other")
                .tag("resource", known ? what : "other")
                .tag("status", Integer.toString(status))
                .register(metrics)
                .increment();
    }
}
