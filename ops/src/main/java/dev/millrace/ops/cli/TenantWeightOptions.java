package dev.millrace.ops.cli;

import picocli.CommandLine.Option;

import java.util.HashMap;
import java.util.Map;

/** How tenants share a worker. */
public final class TenantWeightOptions {
    @Option(
            names = "--tenant-weight",
            paramLabel = "NAME=N",
            description =
                    "Share of a tenant while several have jobs waiting, 1 to 1000; repeat for more"
                        + " (default: 1 each).")
    Map<String, Integer> weights = new HashMap<>();
}
