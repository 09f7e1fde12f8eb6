/**
 * Clients of a schema registry that speaks Confluent's REST API, and the compatibility rules such a registry
 * applies.
 */
package dev.millrace.schemas.registry;
