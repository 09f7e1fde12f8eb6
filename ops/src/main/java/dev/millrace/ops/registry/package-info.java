/**
 * A small schema registry that speaks Confluent's REST API (docs.confluent.io, "Schema Registry API
 * Reference"), for the demo and for small installations. Request → {@link
 * dev.millrace.ops.registry.SchemaRegistryServer} → RegistryApi → one of the resources →
 * RegistryStore → RegistryLog.
 *
 * <p>Not there, and refused by name: Protobuf and JSON Schema, references between schemas, contexts
 * other than the default, import mode, metadata and rule sets, HTTPS (bind to a private address, or
 * put a proxy before it).
 */
package dev.millrace.ops.registry;
