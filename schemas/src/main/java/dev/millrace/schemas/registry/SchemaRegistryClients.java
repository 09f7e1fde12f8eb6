package dev.millrace.schemas.registry;

import java.util.Map;

/** Opens the registry that client properties name. */
public final class SchemaRegistryClients {
    private static final String MOCK = "mock://";

    private SchemaRegistryClients() {}

    /**
     * The client for {@code schema.registry.url} and the settings that belong to it: {@code mock://scope} is
     * an {@link InMemorySchemaRegistryClient}, anything else a REST client that is shared by equal settings.
     * Close it once.
     *
     * @throws IllegalArgumentException naming the property that is missing, bad or not supported
     */
    public static SchemaRegistryClient open(Map<String, ?> properties) {
        Object url = properties.get(RegistryProperties.URL);
        if (url instanceof String text && text.startsWith(MOCK)) {
            return InMemorySchemaRegistryClient.scope(text.substring(MOCK.length()));
        }
        return SharedRegistryClients.open(RegistryProperties.parse(properties));
    }
}
