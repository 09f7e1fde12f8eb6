package dev.millrace.sink.topology;

import dev.millrace.schemas.DeadLetter;

/** A record that was read, or the dead letter that it became: exactly one of the two is there. */
record Decoded<T>(T value, DeadLetter deadLetter) {
    Decoded {
        if ((value == null) == (deadLetter == null)) {
            throw new IllegalArgumentException("a record is either readable or a dead letter");
        }
    }
}
