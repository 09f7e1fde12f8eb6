package dev.millrace.sink.usage;

import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.UsageEvent;

/**
 * Adds up what a tenant used of a model. Each event must come once, which the exactly-once topology sees to.
 */
public final class UsageFold {
    private UsageFold() {}

    /**
     * The totals after {@code event}.
     *
     * @param before the totals so far, null when this is the tenant's first job; not changed
     */
    public static TenantUsage apply(TenantUsage before, UsageEvent event) {
        TenantUsage after = before == null
                ? new TenantUsage(event.getTenant(), event.getModel(), 0L, 0L, 0L, 0L, event.getAt())
                : TenantUsage.newBuilder(before).build();
        after.setJobs(after.getJobs() + 1);
        after.setPromptTokens(after.getPromptTokens() + event.getUsage().getPromptTokens());
        after.setCachedTokens(after.getCachedTokens() + event.getUsage().getCachedTokens());
        after.setCompletionTokens(after.getCompletionTokens() + event.getUsage().getCompletionTokens());
        if (event.getAt().isAfter(after.getUpdatedAt())) {
            after.setUpdatedAt(event.getAt());
        }
        return after;
    }

    /**
     * The record key: tenant/model. A '/' in the tenant's name is escaped, so that two pairs never share a
     * key.
     */
    public static String key(String tenant, String model) {
        return tenant.replace("%", "%25").replace("/", "%2F") + "/" + model;
    }
}
