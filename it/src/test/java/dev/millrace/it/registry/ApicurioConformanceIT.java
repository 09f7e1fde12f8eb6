package dev.millrace.it.registry;

import dev.millrace.ops.registry.RegistryConformance;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The suite that our registry passes, against a server that others rely on: it asks for what is true
 * elsewhere too. Where Apicurio differs from Confluent's documentation, ours follows the documentation.
 */
@ExtendWith(ApicurioRegistry.Extension.class)
class ApicurioConformanceIT extends RegistryConformance {
    private final ApicurioRegistry registry;

    ApicurioConformanceIT(ApicurioRegistry registry) {
        this.registry = registry;
    }

    @Override
    protected String url() {
        return registry.url();
    }

    @Override
    protected Set<Rule> deviations() {
        return EnumSet.of(
                Rule.MAX_ID,                       // fetchMaxId is not looked at
                Rule.LISTS_SCHEMAS,                // without subject, version and id
                Rule.BAD_VERSION_IS_42202,         // version 0 is 404/40402
                Rule.VERBOSE_MESSAGES,             // no messages
                Rule.TYPE_IS_CHECKED,              // an unknown schemaType is a 500
                Rule.NO_OWN_LEVEL_IS_40408,        // 40401
                Rule.SUBJECT_MODES,                // READWRITE always
                Rule.PERMANENT_NEEDS_SOFT,         // the codes are the same, the HTTP status is 409
                Rule.SOFT_TWICE_IS_REFUSED,        // likewise
                Rule.DELETING_NAMES_LIVE_VERSIONS, // also those deleted before
                Rule.PERMANENT_FORGETS_ID);        // ids stay readable
    }
}
