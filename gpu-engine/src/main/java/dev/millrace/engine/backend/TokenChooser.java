package dev.millrace.engine.backend;

import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import java.util.List;

/** Makes logits of hidden states and chooses tokens from them. */
public interface TokenChooser {

    /**
     * Starts choosing. Reads all of its arguments before it returns.
     *
     * @param hidden [T, hidden] behind the last norm
     * @param input its logitRows say which of these rows want a token
     * @param rows how to choose, one per logit row
     * @return a handle for {@link #complete}
     */
    Object launch(Buffer hidden, ForwardInput input, List<SampleRow> rows);

    /** Waits; the chosen tokens in the order of the rows. They may be gone at the next launch. */
    List<SampledToken> complete(Object launched);
}
