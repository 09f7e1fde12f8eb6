package dev.millrace.engine.api;

/**
 * What speculation did, since start.
 *
 * @param drafts how often some tokens of a sequence were guessed
 * @param draftTokens tokens guessed
 * @param acceptedTokens of these, the ones that the model chose too
 */
public record DraftCounts(long drafts, long draftTokens, long acceptedTokens) {
    public static final DraftCounts NONE = new DraftCounts(0, 0, 0);

    /** What happened since an earlier look. */
    public DraftCounts since(DraftCounts earlier) {
        return new DraftCounts(
                drafts - earlier.drafts,
                draftTokens - earlier.draftTokens,
                acceptedTokens - earlier.acceptedTokens);
    }
}
