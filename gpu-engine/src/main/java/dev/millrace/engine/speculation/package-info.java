/**
 * Guesses of the next tokens, and whether they are worth a row of the step: knows tokens and
 * numbers only.
 */
package dev.millrace.engine.speculation;
