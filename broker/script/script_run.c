/* The names of flags. */
#include "broker/script/script_run.h"

static const struct {
    struct slice name;
    uint32_t flag;
} names_of_flags[SCRIPT_FLAGS] = {
    { { "no-writes", 9 }, SCRIPT_NO_WRITES },
    { { "allow-oom", 9 }, SCRIPT_ALLOW_OOM },
    { { "allow-stale", 11 }, SCRIPT_ALLOW_STALE },
    { { "no-cluster", 10 }, SCRIPT_NO_CLUSTER },
    { { "allow-cross-slot-keys", 21 }, SCRIPT_ALLOW_CROSS_SLOT },
};

uint32_t script_flag(struct slice name)
{
    for (int i = 0; i < SCRIPT_FLAGS; i++) {
        if (slice_equal(names_of_flags[i].name, name))
            return names_of_flags[i].flag;
    }
    return 0;
}

uint32_t script_flag_nocase(struct slice name)
{
    for (int i = 0; i < SCRIPT_FLAGS; i++) {
        if (slice_equal_nocase(name, names_of_flags[i].name))
            return names_of_flags[i].flag;
    }
    return 0;
}

size_t script_flag_names(uint32_t flags, const char *names[SCRIPT_FLAGS])
{
    size_t count = 0;

    for (int i = 0; i < SCRIPT_FLAGS; i++) {
        if ((flags & names_of_flags[i].flag) != 0)
            names[count++] = names_of_flags[i].name.at;
    }
    return count;
}
