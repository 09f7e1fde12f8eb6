package dev.millrace.engine.model;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.QkNormRope;

/**
 * Weights of one layer on the device.
 *
 * @param qkv hidden → q, k and v side by side
 * @param qkNormRope what q and k go through before attention
 * @param gateUp dense feed-forward, hidden → gate and up side by side; null where there are experts
 * @param down dense feed-forward, intermediate → hidden; null where there are experts
 * @param experts mixture-of-experts feed-forward; null where it is dense
 */
record DecoderLayer(
        Backend.Norm inputNorm,
        Linear qkv,
        AttentionSpec attention,
        QkNormRope qkNormRope,
        Linear attentionOut,
        Backend.Norm postAttentionNorm,
        Linear gateUp,
        Linear down,
        Experts experts) {}
