package dev.millrace.engine.kvtier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The folder as the engine's thread uses it: reads and writes are started here, run elsewhere, and
 * are collected here when they are done. A host slot belongs to the read or write meanwhile.
 */
final class DiskTier {
    private static final Logger LOG = LoggerFactory.getLogger(DiskTier.class);

    /** A finished read; {@code good} if the slot holds the image. */
    record Read(BlockContent content, int slot, boolean good) {}

    private final DiskFolder folder;
    private final TierIo io;
    private final int maxWrites;
    private final LinkedBlockingQueue<Read> read = new LinkedBlockingQueue<>();
    private final Queue<Integer> written = new ConcurrentLinkedQueue<>();
    private int numReading;
    private int numWriting;
    private final AtomicLong failed = new AtomicLong();
    private long dropped;

    /**
     * @param maxWrites slots that may wait for their write at a time
     */
    DiskTier(DiskFolder folder, TierIo io, int maxWrites) {
        this.folder = folder;
        this.io = io;
        this.maxWrites = maxWrites;
    }

    DiskFolder folder() {
        return folder;
    }

    int numReading() {
        return numReading;
    }

    int numWriting() {
        return numWriting;
    }

    /** Images that were not written though they should have been. */
    long dropped() {
        return dropped + failed.get();
    }

    void startRead(BlockContent content, int slot, MemorySegment image) {
        numReading++;
        io.reads().execute(() -> read.add(new Read(content, slot, folder.read(content, image))));
    }

    /** Takes the reads that are done. */
    List<Read> finishedReads() {
        List<Read> done = new ArrayList<>();
        read.drainTo(done);
        numReading -= done.size();
        return done;
    }

    /**
     * Waits a little while for a read to be done, if any is under way.
     *
     * @return the reads that are done
     */
    List<Read> awaitRead() {
        if (numReading == 0) {
            return List.of();
        }
        List<Read> done = new ArrayList<>();
        try {
            Read first = read.poll(io.idleWaitMs(), TimeUnit.MILLISECONDS);
            if (first != null) {
                done.add(first);
                numReading--;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        done.addAll(finishedReads());
        return done;
    }

    /** Starts a write, unless too many are under way: then it is dropped and false. */
    boolean startWrite(ArchivedBlock block, MemorySegment image) {
        if (numWriting == maxWrites) {
            dropped++;
            return false;
        }
        numWriting++;
        io.writes()
                .execute(
                        () -> {
                            write(block.content, image);
                            written.add(block.slot);
                        });
        return true;
    }

    /** A slot whose write is done; -1 if there is none. */
    int writtenSlot() {
        Integer slot = written.poll();
        if (slot == null) {
            return -1;
        }
        numWriting--;
        return slot;
    }

    /** Writes at once, on the calling thread. */
    void write(BlockContent content, MemorySegment image) {
        try {
            folder.write(content, image);
        } catch (IOException e) {
            if (failed.incrementAndGet() == 1) {
                LOG.warn(
                        "a KV image cannot be written: {}; further failures are only counted",
                        e.toString());
            }
        }
    }

    /** Waits for everything under way. */
    void finish() {
        io.finish().run();
    }
}
