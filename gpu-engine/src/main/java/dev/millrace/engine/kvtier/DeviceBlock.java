package dev.millrace.engine.kvtier;

/**
 * A block that is cached on the device.
 *
 * @param reused whether another sequence has found it since it was computed
 * @param block its id on the device
 */
public record DeviceBlock(BlockContent content, boolean reused, int block) {}
