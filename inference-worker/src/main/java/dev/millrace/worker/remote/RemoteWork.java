package dev.millrace.worker.remote;

/** A request inside the remote engine and how far it has come. Owned by the engine's thread. */
final class RemoteWork {
    final RemoteRequest request;
    final long submittedMs;

    /**
     * Attempts made so far; tells a late reply of an earlier attempt from that of the present one.
     */
    int attempts;

    long notBeforeMs;
    long firstSentMs;
    long sentMs;

    /** Null unless it is at the server. */
    Transport.Call call;

    RemoteWork(RemoteRequest request, long submittedMs) {
        this.request = request;
        this.submittedMs = submittedMs;
    }
}
