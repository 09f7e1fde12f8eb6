package dev.millrace.it.registry;

import org.junit.jupiter.api.extension.ExtendWith;

/** At a registry that is not ours. */
@ExtendWith(ApicurioRegistry.Extension.class)
class ForeignClientsOnApicurioIT extends ForeignClients {
    private final ApicurioRegistry registry;

    ForeignClientsOnApicurioIT(ApicurioRegistry registry) {
        this.registry = registry;
    }

    @Override
    String url() {
        return registry.url();
    }
}
