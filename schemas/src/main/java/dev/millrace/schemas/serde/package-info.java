/**
 * Avro records as Kafka keys and values in the Confluent wire format: a zero byte, the schema's id as four
 * bytes, big end first, then the record in Avro's binary encoding. Configured with the property names of
 * Confluent's KafkaAvroSerializer and KafkaAvroDeserializer, so that either can be named in {@code
 * value.serializer}.
 *
 * <p>What went wrong decides what to do:
 * <table>
 *   <caption>Errors of the serdes</caption>
 *   <tr><th>exception</th><th>meaning</th><th>what to do</th></tr>
 * <tr><td>{@link dev.millrace.schemas.serde.WireFormatException}</td><td>these bytes will never be
 *   readable</td>
 *       <td>set the record aside as a dead letter</td></tr>
 * <tr><td>{@link dev.millrace.schemas.registry.RegistryUnavailableException}</td><td>no registry
 *   answered</td>
 *       <td>try the same record again later</td></tr>
 *   <tr><td>any other {@link org.apache.kafka.common.errors.SerializationException}</td>
 * <td>settings, rights, or a record that does not fit its own schema</td><td>stop and tell someone</td></tr>
 * </table>
 */
package dev.millrace.schemas.serde;
