package dev.millrace.worker.remote;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * GET /models before the first job: is it there, is the key right, does it have the model, what
 * kind is it.
 */
final class ServerCheck {
    static final String PATH = "/models";
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Model(String id, String ownedBy) {}

    private ServerCheck() {}

    /**
     * The settings with model names and kind filled in.
     *
     * @throws RemoteServerException naming the url and what to do, when jobs could not be answered
     */
    static RemoteConfig resolve(RemoteConfig config, Transport transport) {
        List<Model> models = models(config, ask(config, transport));
        Model model = choose(config, models);
        String served = config.servedName() != null ? config.servedName() : model.id();
        ServerKind kind =
                config.kind() != null ? config.kind() : ServerKind.ofOwner(model.ownedBy());
        return config.resolved(served, model.id(), kind);
    }

    private static Transport.Reply.Http ask(RemoteConfig config, Transport transport) {
        CompletableFuture<Transport.Reply> replied = new CompletableFuture<>();
        Transport.Call call = transport.get(PATH, replied::complete);
        try {
            return switch (replied.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                case Transport.Reply.Http http -> http;
                case Transport.Reply.Broken broken -> throw failure(config, broken.reason());
            };
        } catch (TimeoutException | ExecutionException e) {
            call.cancel();
            throw failure(config, "no answer within " + TIMEOUT.toSeconds() + " s");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failure(config, "interrupted");
        }
    }

    private static List<Model> models(RemoteConfig config, Transport.Reply.Http http) {
        if (http.status() != 200) {
            String hint =
                    switch (http.status()) {
                        case 401, 403 -> "; is the API key right?";
                        case 404 -> "; must the url end with /v1?";
                        default -> "";
                    };
            String said = ErrorReader.read(http.status(), http.body()).getMessage();
            // Some servers repeat the key that they refuse.
            ApiKey key = config.apiKey();
            throw failure(
                    config, (key == null ? said : said.replace(key.value(), key.toString())) + hint);
        }
        List<Model> models = new ArrayList<>();
        try {
            for (JsonNode model : JSON.readTree(http.body()).path("data")) {
                models.add(new Model(model.path("id").asText(), model.path("owned_by").asText()));
            }
        } catch (IOException e) {
            throw failure(config, "the answer is not JSON; must the url end with /v1?");
        }
        if (models.isEmpty()) {
            throw failure(config, "the server names no model");
        }
        return models;
    }

    private static Model choose(RemoteConfig config, List<Model> models) {
        String wanted = config.remoteModel() != null ? config.remoteModel() : config.servedName();
        List<String> ids = models.stream().map(Model::id).toList();
        for (Model model : models) {
            if (model.id().equals(wanted)) {
                return model;
            }
        }
        if (config.remoteModel() != null) {
            throw failure(config, "the server has no model '" + wanted + "'; it has " + ids);
        }
        if (models.size() > 1) {
            throw failure(
                    config,
                    "which of the server's models shall answer? It has "
                            + ids
                            + " (--remote-model)");
        }
        return models.getFirst();
    }

    private static RemoteServerException failure(RemoteConfig config, String reason) {
        return new RemoteServerException(
                "remote server " + config.url() + " (GET " + PATH + "): " + reason);
    }
}
