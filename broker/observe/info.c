#include "broker/observe/info.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"

/* Which words a section answers to, beside its name. */
enum in { IN_DEFAULT = 1 << 0, IN_ALL = 1 << 1, IN_EVERYTHING = 1 << 2 };

static const struct section {
    const char *name;
    const char *heading;
    unsigned in;
} sections[] = {
    { "server", "Server", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "clients", "Clients", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "memory", "Memory", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "persistence", "Persistence", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "stats", "Stats", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "replication", "Replication", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "cpu", "CPU", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "modules", "Modules", IN_DEFAULT | IN_EVERYTHING },
    { "commandstats", "Commandstats", IN_ALL | IN_EVERYTHING },
    { "errorstats", "Errorstats", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "latencystats", "Latencystats", IN_ALL | IN_EVERYTHING },
    { "cluster", "Cluster", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "keyspace", "Keyspace", IN_DEFAULT | IN_ALL | IN_EVERYTHING },
    { "debug", "Debug", 0 },
};

enum { SECTIONS = sizeof(sections) / sizeof(sections[0]), WRITERS_MOST = 32 };

struct writer_row {
    size_t section;
    void (*write)(void *who, struct buffer *to);
    void *who;
};

struct info {
    struct writer_row writers[WRITERS_MOST];
    size_t count;
};

struct info *info_new(void)
{
    return memory_new_zeroed(1, sizeof(struct info));
}

void info_free(struct info *info)
{
    memory_free(info);
}

void info_add(struct info *info, const char *section, void (*write)(void *who, struct buffer *to),
              void *who)
{
    size_t index = 0;

    while (index < SECTIONS && strcmp(sections[index].name, section) != 0)
        index++;
    must(index < SECTIONS && info->count < WRITERS_MOST);
    info->writers[info->count++] =
        (struct writer_row){ .section = index, .write = write, .who = who };
}

/* Whether a section is asked for by one of the words. */
static bool is_wanted(const struct section *section, const struct slice *names, size_t count)
{
    if (count == 0)
        return section->in & IN_DEFAULT;
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(names[i], slice_text(section->name)) ||
            (slice_equal_nocase(names[i], SLICE("default")) && (section->in & IN_DEFAULT)) ||
            (slice_equal_nocase(names[i], SLICE("all")) && (section->in & IN_ALL)) ||
            (slice_equal_nocase(names[i], SLICE("everything")) && (section->in & IN_EVERYTHING)))
            return true;
    }
    return false;
}

void info_print(const struct info *info, const struct slice *names, size_t count, struct buffer *to)
{
    size_t begin = to->len;

    for (size_t i = 0; i < SECTIONS; i++) {
        if (!is_wanted(&sections[i], names, count))
            continue;
        buffer_print(to, "%s# %s\r\n", to->len > begin ? "\r\n" : "", sections[i].heading);
        for (size_t j = 0; j < info->count; j++) {
            if (info->writers[j].section == i)
                info->writers[j].write(info->writers[j].who, to);
        }
    }
}

void info_print_size(struct buffer *to, uint64_t bytes)
{
    static const char units[] = "KMGTP";
    double value = (double)bytes;
    int unit = -1;

    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    if (unit < 0)
        buffer_print(to, "%.0fB", value);
    else
        buffer_print(to, "%.2f%c", value, units[unit]);
}
