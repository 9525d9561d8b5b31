/* Every changed key is offered; waiting.c knows at once if nobody waits for it. */
#include "broker/effects/wake.h"

#include "broker/dispatch/waiting.h"

void wake_changes(void *waiting, const struct ledger_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].everything)
            waiting_all_changed(waiting, lines[i].db);
        else if (!lines[i].notice_only)
            waiting_key_changed(waiting, lines[i].db, lines[i].key);
    }
}
