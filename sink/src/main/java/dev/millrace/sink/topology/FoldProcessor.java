package dev.millrace.sink.topology;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Folds events into a stored state per key and sends on what changed: urgent changes at once, the others in
 * rounds, so that a million events of one key do not become a million updates.
 *
 * <p>Which keys have unsent changes is known in memory only. A crash may therefore leave a committed state
 * unsent; on start every state for which the rule cannot exclude that is sent again, which a compacted topic
 * takes without harm.
 */
final class FoldProcessor<E, S> implements Processor<String, E, String, S> {
    private final String storeName;
    private final FoldRule<E, S> rule;
    private final Duration round;
    private final Set<String> dirty = new LinkedHashSet<>();
    private ProcessorContext<String, S> context;
    private KeyValueStore<String, S> store;

    FoldProcessor(String storeName, FoldRule<E, S> rule, Duration round) {
        this.storeName = storeName;
        this.rule = rule;
        this.round = round;
    }

    @Override
    public void init(ProcessorContext<String, S> context) {
        this.context = context;
        this.store = context.getStateStore(storeName);
        dirty.clear();
        try (KeyValueIterator<String, S> stored = store.all()) {
            while (stored.hasNext()) {
                KeyValue<String, S> entry = stored.next();
                rule.observe(null, entry.value);
                if (rule.mayBeUnsent(entry.value)) {
                    dirty.add(entry.key);
                }
            }
        }
        context.schedule(round, PunctuationType.WALL_CLOCK_TIME, this::sendDirty);
    }

    @Override
    public void process(Record<String, E> record) {
        E event = record.value();
        String key = rule.key(event);
        S before = store.get(key);
        S after = rule.apply(before, event);
        store.put(key, after);
        rule.observe(before, after);
        if (rule.isUrgent(before, after)) {
            dirty.remove(key);
            send(key, after, context.currentSystemTimeMs());
        } else {
            dirty.add(key);
        }
    }

    private void sendDirty(long nowMs) {
        for (String key : dirty) {
            send(key, store.get(key), nowMs);
        }
        dirty.clear();
    }

    private void send(String key, S state, long nowMs) {
        context.forward(new Record<>(key, state, nowMs));
    }

    @Override
    public void close() {
        rule.close();
    }
}
