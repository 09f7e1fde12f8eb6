package dev.millrace.engine.api;

import java.nio.file.Path;

/**
 * Where KV blocks go that the device gives up, and come back from when a prompt begins with their
 * tokens.
 *
 * @param hostBytes memory of the host for block images, taken once; 0 for no tiers at all
 * @param diskFolder where images outlive the process, shared by any number of engines; null for no
 *     disk. Images go there and back through the host's memory
 * @param diskBytes most bytes of image files in the folder
 * @param diskKeeps which images are worth writing to disk
 */
public record KvTiers(long hostBytes, Path diskFolder, long diskBytes, DiskKeeps diskKeeps) {
    /** Which blocks are written to disk. */
    public enum DiskKeeps {
        /** Those that were found by another sequence at least once. */
        REUSED,
        /** All, generated tokens too: for conversations that go on after a restart. */
        ALL
    }

    /** Blocks live on the device alone. */
    public static final KvTiers OFF = new KvTiers(0, null, 0, DiskKeeps.REUSED);

    public KvTiers {
        if (hostBytes < 0 || diskFolder != null && hostBytes == 0) {
            throw new IllegalArgumentException(
                    "KV tiers: hostBytes is "
                            + hostBytes
                            + "; it must not be negative, and a disk folder needs some to read into");
        }
        if (diskFolder != null && diskBytes <= 0) {
            throw new IllegalArgumentException(
                    "KV tiers: diskBytes is " + diskBytes + "; a disk folder needs some");
        }
    }

    /** Host memory alone. */
    public static KvTiers host(long hostBytes) {
        return new KvTiers(hostBytes, null, 0, DiskKeeps.REUSED);
    }

    public boolean isOn() {
        return hostBytes > 0;
    }

    public boolean hasDisk() {
        return diskFolder != null;
    }
}
