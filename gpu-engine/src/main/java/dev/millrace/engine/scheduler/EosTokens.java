package dev.millrace.engine.scheduler;

/** The tokens that end a text: one or a few, so that looking through them is the quickest test. */
record EosTokens(int[] ids) {
    boolean contains(int token) {
        for (int id : ids) {
            if (id == token) {
                return true;
            }
        }
        return false;
    }
}
