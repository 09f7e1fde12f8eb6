/**
 * From {@code prompts} to {@code ready.<pool>}: {@link dev.millrace.ingest.IngestTopology} has the
 * picture, {@link dev.millrace.ingest.IngestApp} runs it, {@code openai} reads request lines and
 * {@code submit} publishes them.
 */
package dev.millrace.ingest;
