#include "broker/replication/acks.h"

#include "broker/dispatch/waiting.h"
#include "broker/replication/primary.h"

#define REPLICA_AT(chain_link) CHAIN_OWNER((struct chain *)(uintptr_t)(chain_link), struct replica, link)

static size_t count(const struct primary *primary, int64_t offset, bool on_disk)
{
    const struct chain *all = primary_chain(primary);
    size_t have = 0;

    for (const struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        have += replica->state == REPLICA_ONLINE &&
                (on_disk ? replica->acked_disk : replica->acked) >= offset;
    }
    return have;
}

size_t acks_count(const struct primary *primary, int64_t offset)
{
    return count(primary, offset, false);
}

size_t acks_count_on_disk(const struct primary *primary, int64_t offset)
{
    return count(primary, offset, true);
}

void acks_wake(struct primary *primary, struct waiting *waiting, uint32_t databases,
               struct slice key)
{
    (void)primary;
    if (waiting_keys(waiting) == 0)
        return;
    for (uint32_t db = 0; db < databases; db++)
        waiting_key_changed(waiting, db, key);
}
