package dev.millrace.engine.backend;

import dev.millrace.engine.kvcache.KvLayout;

/** The KV cache's memory on a device. */
public interface KvStore {
    KvLayout layout();
}
