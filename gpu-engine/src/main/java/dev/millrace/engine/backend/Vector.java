package dev.millrace.engine.backend;

/** A small constant vector on a device: norm weights. */
public interface Vector {
    int length();
}
