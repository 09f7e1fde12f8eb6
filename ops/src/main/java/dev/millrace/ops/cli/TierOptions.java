package dev.millrace.ops.cli;

import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.api.KvTiers.DiskKeeps;

import picocli.CommandLine.Option;

import java.nio.file.Path;

/** Where KV blocks go that the device gives up. */
public final class TierOptions {
    private static final int MIB_BITS = 20;
    private static final int GPU_HOST_MB = 2048;
    private static final int STAGING_MB = 256;
    private static final int DISK_MB = 8192;

    @Option(
            names = "--kv-host-mb",
            paramLabel = "MIB",
            description =
                    "Host memory in MiB for KV blocks that the device gives up; 0 for none"
                            + " (default: 2048 on a GPU; else none, or 256 with --kv-disk-dir).")
    Integer hostMb;

    @Option(
            names = "--kv-disk-dir",
            paramLabel = "DIR",
            description =
                    "Folder for KV blocks, so that a restarted worker begins warm; any number of"
                            + " workers and models may share it (default: none).")
    Path diskDir;

    @Option(
            names = "--kv-disk-mb",
            paramLabel = "MIB",
            description = "Most MiB of files in that folder (default 8192).")
    Integer diskMb;

    @Option(
            names = "--kv-disk-keep",
            paramLabel = "WHICH",
            description =
                    "Which KV blocks are worth a file: reused (found by another job at least"
                            + " once) or all (conversations that go on after a restart). Default:"
                            + " reused.")
    DiskKeeps diskKeep;

    /**
     * The tiers that were asked for.
     *
     * @param gpu whether the device has memory of its own
     * @param prefixCaching without it there is nothing to keep
     */
    KvTiers tiers(boolean gpu, boolean prefixCaching) {
        if (diskDir == null && (diskMb != null || diskKeep != null)) {
            throw CliFailure.usage("--kv-disk-mb and --kv-disk-keep need --kv-disk-dir");
        }
        if (!prefixCaching) {
            if (diskDir != null || hostMb != null) {
                throw CliFailure.usage("--no-prefix-caching leaves no KV blocks to keep");
            }
            return KvTiers.OFF;
        }
        int ofDevice = gpu ? GPU_HOST_MB : diskDir == null ? 0 : STAGING_MB;
        return new KvTiers(
                bytes(hostMb == null ? ofDevice : hostMb),
                diskDir,
                diskDir == null ? 0 : bytes(diskMb == null ? DISK_MB : diskMb),
                diskKeep == null ? DiskKeeps.REUSED : diskKeep);
    }

    private static long bytes(int mib) {
        return (long) mib << MIB_BITS;
    }
}
