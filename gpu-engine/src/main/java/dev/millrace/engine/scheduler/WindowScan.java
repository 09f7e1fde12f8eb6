package dev.millrace.engine.scheduler;

import java.util.TreeSet;

/**
 * The walk through the window in prefix order. It stops where a step's admissions end and goes on
 * there in the next; behind the last place follows the first (the elevator rule of disk heads). Each
 * priority is walked around once before the next lower one.
 */
final class WindowScan {
    private final TreeSet<WindowPlace> places;

    /** The next step's walk begins behind this. */
    private WindowPlace cursor = WindowPlace.start(0);

    private WindowPlace position = cursor;
    private WindowPlace firstPassed;
    private int priority;
    private boolean isAroundAgain;

    WindowScan(TreeSet<WindowPlace> places) {
        this.places = places;
    }

    /** A step's admissions begin. */
    void begin() {
        firstPassed = null;
        if (!places.isEmpty()) {
            enter(places.first().priority);
        }
    }

    /** Whose turn it is; null when all have been offered. Offered again until taken or passed. */
    WindowPlace next() {
        while (!places.isEmpty()) {
            WindowPlace found = places.higher(position);
            boolean isHere = found != null && found.priority == priority;
            if (isHere && (!isAroundAgain || found.compareTo(cursor.at(priority)) <= 0)) {
                return found;
            }
            if (!isAroundAgain) {
                isAroundAgain = true;
                position = WindowPlace.start(priority);
                continue;
            }
            WindowPlace lower = places.higher(WindowPlace.end(priority));
            if (lower == null) {
                return null;
            }
            enter(lower.priority);
        }
        return null;
    }

    /** Passes over all that share the first {@code depth} blocks with a place, in this step. */
    void pass(WindowPlace place, int depth) {
        firstPassed = firstPassed == null ? place : firstPassed;
        position = place.behindSubtree(depth);
    }

    /** Passes over one place, in this step. */
    void passAlone(WindowPlace place) {
        firstPassed = firstPassed == null ? place : firstPassed;
        position = place;
    }

    /** A place was admitted, in its turn or out of it; the walk goes on behind it. */
    void taken(WindowPlace place) {
        position = place;
        priority = place.priority;
    }

    /** A step's admissions end. What was passed over is first in the next step. */
    void end() {
        cursor = firstPassed != null ? firstPassed.justBefore() : position;
    }

    /** The path at which the next step goes on. */
    long[] path() {
        return cursor.path;
    }

    private void enter(int newPriority) {
        priority = newPriority;
        isAroundAgain = false;
        position = cursor.at(newPriority);
    }
}
