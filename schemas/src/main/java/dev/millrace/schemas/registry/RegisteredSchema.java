package dev.millrace.schemas.registry;

import org.apache.avro.Schema;

/**
 * A schema as a registry knows it.
 *
 * @param subject the subject that was asked
 * @param id      the id that goes into the wire format; the same over all subjects
 * @param version the version within the subject, from 1
 * @param schema  the schema
 */
public record RegisteredSchema(String subject, int id, int version, Schema schema) {}
