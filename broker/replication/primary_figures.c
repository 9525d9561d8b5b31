/* What INFO, ROLE and MEMORY tell of replicas and the backlog. */
#include "broker/replication/primary_private.h"

#include <inttypes.h>

#include "broker/config/options.h"
#include "storage/base/number.h"

enum { SECOND = 1000 };

#define REPLICA_AT(chain_link) \
    CHAIN_OWNER((struct chain *)(uintptr_t)(chain_link), struct replica, link)

void primary_print_replicas(const struct primary *primary, struct buffer *to)
{
    const struct options *options = primary->setup.options;
    millis now = caller_now(primary->setup.caller);
    size_t number = 0;

    buffer_print(to, "connected_slaves:%zu\r\n", primary->count);
    if (options->min_replicas_to_write > 0 && options->min_replicas_max_lag > 0)
        buffer_print(to, "min_slaves_good_slaves:%zu\r\n", primary_count_good(primary));
    for (const struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next) {
        const struct replica *replica = REPLICA_AT(link);
        const char *address = replica_address(replica);
        bool online = replica->state == REPLICA_ONLINE;

        buffer_print(to, "slave%zu:ip=%s,port=%u,state=%s,offset=%" PRId64 ",lag=%" PRId64 "\r\n",
                     number++, address, (unsigned)replica->port,
                     replica_state_name(replica->state), replica->acked,
                     online ? now / SECOND - replica->acked_at / SECOND : 0);
    }
}

void primary_print_backlog(const struct primary *primary, struct buffer *to)
{
    const struct role *role = primary->setup.role;
    const struct backlog *backlog = primary->backlog;

    buffer_print(to,
                 "master_replid:%s\r\nmaster_replid2:%s\r\nmaster_repl_offset:%" PRId64
                 "\r\nsecond_repl_offset:%" PRId64 "\r\n",
                 role->id, role->second_id, role->offset, role->second_offset);
    buffer_print(to,
                 "repl_backlog_active:%d\r\nrepl_backlog_size:%zu\r\n"
                 "repl_backlog_first_byte_offset:%" PRId64 "\r\nrepl_backlog_histlen:%" PRId64
                 "\r\n",
                 backlog != NULL, primary_backlog_size(primary),
                 backlog != NULL ? backlog_first(backlog) : 0,
                 backlog != NULL ? backlog_length(backlog) : 0);
}

void primary_reply_role(const struct primary *primary, struct reply *reply)
{
    struct outbox_hole hole;
    size_t count = 0;

    reply_array(reply, 3);
    reply_bulk(reply, SLICE("master"));
    reply_integer(reply, primary->setup.role->offset);
    hole = reply_open(reply);
    for (const struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next) {
        const struct replica *replica = REPLICA_AT(link);
        const char *address = replica_address(replica);
        char digits[NUMBER_INTEGER_MAX];

        if (replica->state != REPLICA_ONLINE)
            continue;
        reply_array(reply, 3);
        reply_bulk(reply, slice_text(address));
        reply_bulk(reply, slice_of(digits, number_put(digits, replica->port)));
        reply_bulk(reply, slice_of(digits, number_put(digits, replica->acked)));
        count++;
    }
    reply_close_array(reply, hole, count);
}

size_t primary_backlog_memory(const struct primary *primary)
{
    return primary->backlog != NULL ? backlog_memory(primary->backlog) : 0;
}

size_t primary_buffer_memory(const struct primary *primary)
{
    return primary_backlog_memory(primary);
}

size_t primary_excess_memory(const struct primary *primary)
{
    size_t memory = primary_backlog_memory(primary);
    size_t size = primary_backlog_size(primary);

    for (const struct chain *link = primary->replicas.next; link != &primary->replicas;
         link = link->next)
        memory += outbox_memory_of_list(REPLICA_AT(link)->session->reply.out);
    return memory > size ? memory - size : 0;
}
