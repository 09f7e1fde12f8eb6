package dev.millrace.engine.scheduler;

/** How long an admission takes on average, lately. */
public final class AdmissionPace {
    /** Admissions of one measurement. */
    private static final int LAP = 64;

    private boolean isBegun;
    private long lapBeganMs;
    private long lapBeganAt;
    private double msPerAdmission;

    /** Tells the time at which so many have been admitted since start. */
    public void measure(long nowMs, long admitted) {
        if (!isBegun) {
            isBegun = true;
            lapBeganMs = nowMs;
            lapBeganAt = admitted;
        } else if (admitted - lapBeganAt >= LAP) {
            double measured = (double) (nowMs - lapBeganMs) / (admitted - lapBeganAt);
            msPerAdmission = msPerAdmission == 0 ? measured : (msPerAdmission + measured) / 2;
            lapBeganMs = nowMs;
            lapBeganAt = admitted;
        }
    }

    /** 0 before anything was measured. */
    public double msPerAdmission() {
        return msPerAdmission;
    }
}
