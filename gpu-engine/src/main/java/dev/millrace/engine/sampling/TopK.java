package dev.millrace.engine.sampling;

/**
 * Partial selection: the k largest of many values without sorting them. A heap of k entries with
 * the worst on top; most values are refused by one comparison. Among equal values the lower index
 * is the better one.
 */
final class TopK {
    private float[] values = new float[0];
    private int[] indices = new int[0];
    private int size;

    /** Keeps the {@code k} best of {@code from[0 .. n - 1]}. */
    void select(float[] from, int n, int k) {
        if (values.length < k) {
            values = new float[k];
            indices = new int[k];
        }
        size = 0;
        if (k == 0) {
            return;
        }
        for (int i = 0; i < n; i++) {
            if (size < k) {
                values[size] = from[i];
                indices[size] = i;
                siftUp(size++);
            } else if (from[i] > values[0]) {
                values[0] = from[i];
                indices[0] = i;
                siftDown();
            }
        }
    }

    /** The smallest of the selected values. */
    float worst() {
        return values[0];
    }

    /** The selected indices, best first. Empties the selection. */
    int[] drain() {
        int[] best = new int[size];
        while (size > 0) {
            best[size - 1] = indices[0];
            size--;
            values[0] = values[size];
            indices[0] = indices[size];
            siftDown();
        }
        return best;
    }

    private void siftUp(int i) {
        while (i > 0 && worse(i, (i - 1) / 2)) {
            swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    private void siftDown() {
        int i = 0;
        while (true) {
            int child = 2 * i + 1;
            if (child >= size) {
                return;
            }
            if (child + 1 < size && worse(child + 1, child)) {
                child++;
            }
            if (!worse(child, i)) {
                return;
            }
            swap(i, child);
            i = child;
        }
    }

    private boolean worse(int a, int b) {
        return values[a] < values[b] || (values[a] == values[b] && indices[a] > indices[b]);
    }

    private void swap(int a, int b) {
        float value = values[a];
        values[a] = values[b];
        values[b] = value;
        int index = indices[a];
        indices[a] = indices[b];
        indices[b] = index;
    }
}
