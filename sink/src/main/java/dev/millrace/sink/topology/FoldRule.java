package dev.millrace.sink.topology;

/** How events add up to a state per key, and when the state is worth telling. */
interface FoldRule<E, S> {
    /** The key under which the event counts. */
    String key(E event);

    /** The state after the event; {@code before} is null for the first one and must not be changed. */
    S apply(S before, E event);

    /** Whether readers shall hear of this change at once and not with the next round. */
    boolean isUrgent(S before, S after);

    /** Whether a stored state may have changed since it was last sent: told again when the task starts. */
    boolean mayBeUnsent(S stored);

    /** Called for each change, and with {@code before} null for each stored state when the task starts. */
    default void observe(S before, S after) {}

    /** The task stops; what was observed no longer counts here. */
    default void close() {}
}
