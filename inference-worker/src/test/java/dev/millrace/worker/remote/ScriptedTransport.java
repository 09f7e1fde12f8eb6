package dev.millrace.worker.remote;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Keeps what is sent; the test replies when it likes. */
final class ScriptedTransport implements Transport {
    /** A request as the server would see it. */
    static final class Sent implements Call {
        final String path;
        final String body;
        private final Consumer<Reply> onReply;
        boolean isCancelled;

        private Sent(String path, String body, Consumer<Reply> onReply) {
            this.path = path;
            this.body = body;
            this.onReply = onReply;
        }

        void reply(int status, String retryAfter, String json) {
            onReply.accept(new Reply.Http(status, retryAfter, json.getBytes()));
        }

        void answer(String text) {
            reply(200, null, TestAnswers.chat(text));
        }

        void breakOff() {
            onReply.accept(new Reply.Broken("the connection broke: test"));
        }

        @Override
        public void cancel() {
            isCancelled = true;
        }
    }

    final List<Sent> posts = new ArrayList<>();
    final List<Sent> probes = new ArrayList<>();

    @Override
    public Call post(String path, byte[] json, Consumer<Reply> onReply) {
        Sent sent = new Sent(path, new String(json), onReply);
        posts.add(sent);
        return sent;
    }

    @Override
    public Call get(String path, Consumer<Reply> onReply) {
        Sent sent = new Sent(path, "", onReply);
        probes.add(sent);
        return sent;
    }

    @Override
    public void close() {}
}
