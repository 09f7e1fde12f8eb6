package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

class WorkerPoolTest {
    @Test
    void everyPartRunsOnceInEveryOp() {
        try (WorkerPool pool = new WorkerPool(4, () -> {})) {
            for (int op = 0; op < 20_000; op++) {
                int parts = op % 13;
                AtomicIntegerArray runs = new AtomicIntegerArray(13);
                pool.run(parts, (worker, part) -> runs.incrementAndGet(part));
                for (int part = 0; part < 13; part++) {
                    assertEquals(
                            part < parts ? 1 : 0, runs.get(part), "part " + part + " of op " + op);
                }
                while (op % 2_000 == 0 && pool.parkedHelpers() < 3) {
                    Thread.yield();
                }
            }
        }
    }

    @Test
    void everyThreadHasItsOwnIndex() {
        try (WorkerPool pool = new WorkerPool(3, () -> {})) {
            AtomicIntegerArray inside = new AtomicIntegerArray(3);
            AtomicInteger clashes = new AtomicInteger();
            pool.run(
                    10_000,
                    (worker, part) -> {
                        if (inside.incrementAndGet(worker) != 1) {
                            clashes.incrementAndGet();
                        }
                        inside.decrementAndGet(worker);
                    });
            assertEquals(0, clashes.get());
        }
    }

    @Test
    void aFailureReachesTheCallerAndThePoolGoesOn() {
        try (WorkerPool pool = new WorkerPool(2, () -> {})) {
            IllegalStateException e =
                    assertThrows(
                            IllegalStateException.class,
                            () ->
                                    pool.run(
                                            10,
                                            (worker, part) -> {
                                                if (part == 7) {
                                                    throw new ArithmeticException("part seven");
                                                }
                                            }));
            assertTrue(e.getCause() instanceof ArithmeticException);
            AtomicInteger runs = new AtomicInteger();
            pool.run(10, (worker, part) -> runs.incrementAndGet());
            assertEquals(10, runs.get());
        }
    }
}
