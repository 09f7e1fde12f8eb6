/**
 * OpenAI's Batch API over HTTP: files, batches, models. Requests come in at {@link
 * dev.millrace.ops.gateway.GatewayHandler}; what goes on in the background is {@link
 * dev.millrace.ops.gateway.BatchKeeper}'s business.
 */
package dev.millrace.ops.gateway;
