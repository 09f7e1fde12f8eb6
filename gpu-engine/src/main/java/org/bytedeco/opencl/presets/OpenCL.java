package org.bytedeco.opencl.presets;

/**
 * Stand-in for a class that the oneDNN preset names and that only its GPU build needs. The artifact
 * that holds the real one was never published in the version which dnnl 3.13-1.5.14 asks for.
 */
public class OpenCL {}
