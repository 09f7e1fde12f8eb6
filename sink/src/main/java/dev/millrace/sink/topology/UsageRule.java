package dev.millrace.sink.topology;

import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.UsageEvent;
import dev.millrace.sink.usage.UsageFold;

/** Usage events to totals per tenant and model; told in rounds only. */
final class UsageRule implements FoldRule<UsageEvent, TenantUsage> {
    @Override
    public String key(UsageEvent event) {
        return UsageFold.key(event.getTenant(), event.getModel());
    }

    @Override
    public TenantUsage apply(TenantUsage before, UsageEvent event) {
        return UsageFold.apply(before, event);
    }

    @Override
    public boolean isUrgent(TenantUsage before, TenantUsage after) {
        return false;
    }

    @Override
    public boolean mayBeUnsent(TenantUsage stored) {
        return true;
    }
}
