package dev.millrace.engine.backend;

/** Weights of y = x Wᵀ + b as a device keeps them, packed once. */
public interface Linear {
    int inFeatures();

    int outFeatures();
}
