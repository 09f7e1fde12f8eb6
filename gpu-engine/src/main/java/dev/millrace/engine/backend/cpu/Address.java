package dev.millrace.engine.backend.cpu;

import org.bytedeco.javacpp.Pointer;

/** A pointer that can be set again and again, so that a step allocates none. It owns nothing. */
final class Address extends Pointer {
    Address(long address) {
        super((Pointer) null);
        this.address = address;
    }

    Address at(long newAddress) {
        this.address = newAddress;
        return this;
    }
}
