/* A ring of blocks, the latest first; each holds its texts behind its header. */
#include "broker/acl/acl_log.h"

#include "broker/config/options.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"
#include "storage/index/ring.h"

enum { SAME_FOR = 60 * 1000 };

struct noted {
    struct acl_line line;
    struct bytes   *object;
    struct bytes   *user;
    struct bytes   *session;
};

struct acl_log {
    const struct options *options;
    struct ring           lines;
    uint64_t              next; /* number of a line */
};

struct acl_log *acl_log_new(const struct options *options)
{
    struct acl_log *log = memory_new_zeroed(1, sizeof(*log));

    log->options = options;
    return log;
}

static void forget(struct noted *noted)
{
    bytes_drop(noted->object);
    bytes_drop(noted->user);
    bytes_drop(noted->session);
    memory_free(noted);
}

void acl_log_reset(struct acl_log *log)
{
    while (ring_count(&log->lines) > 0)
        forget(ring_pop_last(&log->lines));
}

void acl_log_free(struct acl_log *log)
{
    if (log == NULL)
        return;
    acl_log_reset(log);
    ring_clear(&log->lines);
    memory_free(log);
}

static bool is_same(const struct noted *noted, const struct acl_line *line)
{
    return noted->line.what == line->what && noted->line.context == line->context &&
           line->when - noted->line.when <= SAME_FOR &&
           slice_equal(bytes_slice(noted->object), line->object) &&
           slice_equal(bytes_slice(noted->user), line->user);
}

/* Takes the line out that a new one repeats; NULL if there is none. */
static struct noted *take_same(struct acl_log *log, const struct acl_line *line)
{
    for (size_t i = 0; i < ring_count(&log->lines); i++) {
        if (is_same(ring_at(&log->lines, i), line))
            return ring_remove(&log->lines, i);
    }
    return NULL;
}

void acl_log_note(struct acl_log *log, const struct acl_line *line)
{
    struct noted *noted = take_same(log, line);

    if (noted == NULL) {
        noted = memory_new_zeroed(1, sizeof(*noted));
        noted->line.what = line->what;
        noted->line.context = line->context;
        noted->line.first = line->when;
        noted->line.number = log->next++;
        noted->object = bytes_copy(line->object);
        noted->user = bytes_copy(line->user);
    }
    bytes_drop(noted->session);
    noted->session = bytes_copy(line->session);
    noted->line.when = line->when;
    noted->line.count++;
    ring_push_first(&log->lines, noted);
    while (ring_count(&log->lines) > (size_t)log->options->acllog_max_len)
        forget(ring_pop_last(&log->lines));
}

size_t acl_log_count(const struct acl_log *log)
{
    return ring_count(&log->lines);
}

struct acl_line acl_log_at(const struct acl_log *log, size_t index)
{
    const struct noted *noted = ring_at(&log->lines, index);
    struct acl_line line = noted->line;

    line.object = bytes_slice(noted->object);
    line.user = bytes_slice(noted->user);
    line.session = bytes_slice(noted->session);
    return line;
}
