package dev.millrace.worker.remote;

import java.util.function.Consumer;

/** Sends requests to one server without waiting. Replies come on any thread. */
interface Transport extends AutoCloseable {

    /** A request under way. */
    interface Call {
        /**
         * Closes its connection, so that the server stops working on it; a reply may still come.
         */
        void cancel();
    }

    /** What came of a request. */
    sealed interface Reply {
        /**
         * @param retryAfter the header of that name, or null
         */
        record Http(int status, String retryAfter, byte[] body) implements Reply {}

        /** There was no whole answer. */
        record Broken(String reason) implements Reply {}
    }

    /**
     * @param path below the server's url, for example /chat/completions
     * @param json UTF-8
     */
    Call post(String path, byte[] json, Consumer<Reply> onReply);

    Call get(String path, Consumer<Reply> onReply);

    /** Cuts off everything under way. */
    @Override
    void close();
}
