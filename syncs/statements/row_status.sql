/* The one final status of a change, an expression over row_outcomes and op.
out: accepted, rejected, skipped, moved, unknown, suppressed, or '' for a row that is still to go
why: a removal ends with its phase 0, everything else with its phase 1, unless phase 0 went wrong. */
multiIf(
    refused != '', refused,
    op = 'remove', if(removal = 'deferred', '', removal),
    sending NOT IN ('', 'deferred'), sending,
    removal NOT IN ('', 'accepted', 'moved', 'skipped', 'deferred'), removal,
    '')
