package dev.millrace.schemas.serde;

import org.apache.avro.Schema;
import org.apache.kafka.common.errors.SerializationException;

/** Confluent's three strategies, by its class names or by ours. */
public enum SubjectNameStrategies implements SubjectNameStrategy {
    /** {@code topic-key} or {@code topic-value}: one type per topic. */
    TOPIC_NAME("TopicNameStrategy") {
        @Override
        public String subject(String topic, boolean isKey, Schema schema) {
            return topic + (isKey ? "-key" : "-value");
        }
    },
    /** The record's full name: one history per type, over all topics. */
    RECORD_NAME("RecordNameStrategy") {
        @Override
        public String subject(String topic, boolean isKey, Schema schema) {
            return recordName(topic, schema);
        }
    },
    /** {@code topic-fullname}: several types per topic. */
    TOPIC_RECORD_NAME("TopicRecordNameStrategy") {
        @Override
        public String subject(String topic, boolean isKey, Schema schema) {
            return topic + "-" + recordName(topic, schema);
        }
    };

    private static final String CONFLUENT = "io.confluent.kafka.serializers.subject.";
    private final String simpleName;

    SubjectNameStrategies(String simpleName) {
        this.simpleName = simpleName;
    }

    /**
     * The strategy of this name: Confluent's class names, their simple names, the names of this enum, or the
     * name of a class that implements {@link SubjectNameStrategy}. {@link IllegalArgumentException}
     * otherwise.
     */
    public static SubjectNameStrategy of(String name) {
        String simple = name.startsWith(CONFLUENT) ? name.substring(CONFLUENT.length()) : name;
        for (SubjectNameStrategies strategy : values()) {
            if (strategy.simpleName.equals(simple) || strategy.name().equals(simple)) {
                return strategy;
            }
        }
        try {
            if (Class.forName(name).getConstructor().newInstance() instanceof SubjectNameStrategy own) {
                return own;
            }
        } catch (ReflectiveOperationException | LinkageError e) {
            throw new IllegalArgumentException(
                    "'" + name + "' is no subject name strategy that this serde can use", e);
        }
        throw new IllegalArgumentException("'" + name + "' does not implement "
                + SubjectNameStrategy.class.getName());
    }

    private static String recordName(String topic, Schema schema) {
        if (schema.getType() != Schema.Type.RECORD) {
            throw new SerializationException("topic " + topic
                    + ": the subject is named after the record, but this is of type " + schema.getType());
        }
        return schema.getFullName();
    }
}
