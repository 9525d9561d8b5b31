/* A few connections, the longest unused first; each timer's round closes those that are old. */
#include "broker/commands/migrate_links.h"

#include <sys/socket.h>
#include <unistd.h>

#include "broker/net/loop.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"

enum { LINKS_MOST = 16, ROUNDS_KEPT = 10, ROUND = 1000 }; /* a round is a second */

struct link {
    struct buffer place; /* host, a zero byte, port */
    int           fd;
    int           rounds; /* that it has been unused */
};

struct migrate_links {
    struct loop_timer *timer;
    struct link        at[LINKS_MOST];
    size_t             count;
};

static struct buffer place_of(struct slice host, struct slice port)
{
    struct buffer place = { 0 };

    buffer_add(&place, host);
    buffer_add_byte(&place, '\0');
    buffer_add(&place, port);
    return place;
}

/* Takes a link out of the row; the descriptor stays open. */
static int take_out(struct migrate_links *links, size_t index)
{
    int fd = links->at[index].fd;

    buffer_clear(&links->at[index].place);
    links->count--;
    memmove(&links->at[index], &links->at[index + 1],
            (links->count - index) * sizeof(struct link));
    if (links->count == 0)
        loop_timer_stop(links->timer);
    return fd;
}

static void round_passes(void *who)
{
    struct migrate_links *links = who;

    for (size_t i = links->count; i > 0; i--) {
        if (++links->at[i - 1].rounds > ROUNDS_KEPT)
            (void)close(take_out(links, i - 1));
    }
}

struct migrate_links *migrate_links_new(struct loop *loop)
{
    struct migrate_links *links = memory_new_zeroed(1, sizeof(*links));

    links->timer = loop_timer_new(loop, round_passes, links);
    return links;
}

void migrate_links_free(struct migrate_links *links)
{
    if (links == NULL)
        return;
    while (links->count > 0)
        (void)close(take_out(links, 0));
    loop_timer_free(links->timer);
    memory_free(links);
}

/* Whether the other side neither closed it nor says what nobody asked for. */
static bool is_quiet(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

int migrate_links_take(struct migrate_links *links, struct slice host, struct slice port)
{
    struct buffer place = place_of(host, port);
    int fd = -1;

    for (size_t i = links->count; i > 0 && fd < 0; i--) {
        if (!slice_equal(buffer_slice(&links->at[i - 1].place), buffer_slice(&place)))
            continue;
        fd = take_out(links, i - 1);
        if (!is_quiet(fd)) {
            (void)close(fd);
            fd = -1;
        }
    }
    buffer_clear(&place);
    return fd;
}

void migrate_links_keep(struct migrate_links *links, struct slice host, struct slice port, int fd)
{
    if (links->count == LINKS_MOST)
        (void)close(take_out(links, 0));
    if (links->count == 0)
        loop_timer_start(links->timer, ROUND, ROUND);
    links->at[links->count++] = (struct link){ .place = place_of(host, port), .fd = fd };
}

size_t migrate_links_count(const struct migrate_links *links)
{
    return links->count;
}
