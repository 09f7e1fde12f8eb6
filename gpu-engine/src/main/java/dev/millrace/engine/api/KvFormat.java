package dev.millrace.engine.api;

import java.util.Locale;

/** What a host device keeps keys and values in. */
public enum KvFormat {
    BF16,
    /** 8 bits with an F32 scale per token and KV head, keys and values apart. */
    INT8;

    /** As options and reports have it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
