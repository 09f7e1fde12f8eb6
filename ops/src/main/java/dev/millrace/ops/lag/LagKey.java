package dev.millrace.ops.lag;

/**
 * Whose a record is.
 *
 * @param tenant who pays; empty when the record does not say
 * @param batch its batch; empty for none
 */
record LagKey(String tenant, String batch) {}
