package dev.millrace.ops.registry;

/**
 * Whether schemas may be added and removed; Confluent's names. Its IMPORT modes are not supported.
 */
enum RegistryMode {
    /** They may. */
    READWRITE,
    /** They may only be read. */
    READONLY
}
