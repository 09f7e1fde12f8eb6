package dev.millrace.ops.cli;

import dev.millrace.ingest.IngestPolicies;
import dev.millrace.ingest.TenantQuota;

import picocli.CommandLine.Option;

import java.util.HashMap;
import java.util.Map;

/** What ingest does about tenants and duplicates. */
public final class TenantOptions {
    /** What becomes of a job whose id is known. */
    enum OnDuplicate {
        DROP,
        RE_EMIT
    }

    @Option(
            names = "--tenant-quota",
            paramLabel = "NAME=QUOTA",
            description = {
                "How much of a tenant may be on its way at once, for example"
                        + " acme=jobs:10000,tokens:5000000,held:100000;",
                "NAME * means everyone else. More is held back on disk until earlier jobs end, more"
                        + " than held: ends as FAILED."
            })
    Map<String, String> quotas = new HashMap<>();

    @Option(
            names = "--on-duplicate",
            paramLabel = "WHAT",
            defaultValue = "drop",
            converter = Converter.class,
            description = {
                "drop a job whose id is known, or re-emit its stored answer (default"
                        + " ${DEFAULT-VALUE}).",
                "re-emit keeps answers on ingest's disk for as long as job ids are remembered."
            })
    OnDuplicate onDuplicate;

    @Option(
            names = "--reuse-answers",
            description = {
                "Give a job with the same content as an answered one of its tenant that answer,"
                        + " without computing (default: off).",
                "Only for jobs with temperature 0 or a seed; every ingest process keeps all answers"
                        + " on disk for as long as job ids are remembered."
            })
    boolean reuseAnswers;

    /** {@code re-emit} as people write it. */
    static final class Converter implements picocli.CommandLine.ITypeConverter<OnDuplicate> {
        @Override
        public OnDuplicate convert(String text) {
            return switch (text) {
                case "drop" -> OnDuplicate.DROP;
                case "re-emit" -> OnDuplicate.RE_EMIT;
                default ->
                        throw new picocli.CommandLine.TypeConversionException(
                                "'" + text + "' is not drop or re-emit");
            };
        }
    }

    /** What ingest is told. */
    IngestPolicies policies() {
        Map<String, TenantQuota> parsed = new HashMap<>();
        quotas.forEach(
                (tenant, text) -> {
                    try {
                        parsed.put(tenant, TenantQuota.parse(text));
                    } catch (IllegalArgumentException e) {
                        throw CliFailure.usage("--tenant-quota " + tenant + ": " + e.getMessage());
                    }
                });
        return new IngestPolicies(onDuplicate == OnDuplicate.RE_EMIT, reuseAnswers, parsed, 1);
    }
}
