/* IDs of histories, and where they part. */
#include "broker/replication/role.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/random.h"

static void forget_second(struct role *role)
{
    memset(role->second_id, '0', ROLE_ID);
    role->second_id[ROLE_ID] = '\0';
    role->second_offset = -1;
}

struct role *role_new(void)
{
    struct role *role = memory_new_zeroed(1, sizeof(*role));

    role_begin_history(role);
    return role;
}

void role_free(struct role *role)
{
    memory_free(role);
}

void role_begin_history(struct role *role)
{
    random_run_id(role->id);
    forget_second(role);
}

static void set_id(struct role *role, struct slice id)
{
    must(id.len == ROLE_ID);
    memcpy(role->id, id.at, ROLE_ID);
    role->id[ROLE_ID] = '\0';
}

void role_branch(struct role *role)
{
    char id[ROLE_ID + 1];

    random_run_id(id);
    role_follow_branch(role, slice_of(id, ROLE_ID));
}

void role_follow_branch(struct role *role, struct slice id)
{
    memcpy(role->second_id, role->id, sizeof(role->second_id));
    /* The next byte is the first that may differ; who has all up to it may go on. */
    role->second_offset = role->offset + 1;
    set_id(role, id);
}

void role_adopt(struct role *role, struct slice id, int64_t offset)
{
    set_id(role, id);
    role->offset = offset;
    forget_second(role);
}

void role_resume(struct role *role, struct slice id, int64_t offset)
{
    role->offset = offset;
    set_id(role, id);
    role_branch(role);
}

bool role_knows(const struct role *role, struct slice id, int64_t offset)
{
    if (slice_equal_nocase(id, slice_of(role->id, ROLE_ID)))
        return true;
    return role->second_offset >= 0 && offset <= role->second_offset &&
           slice_equal_nocase(id, slice_of(role->second_id, ROLE_ID));
}
