/*
 * The thread and whoever began the lookup both let go of it; the second of them
 * frees it. What was found is written before `stage` says so, and read after.
 *
 * The thread is nobody's to wait for: a name server that does not answer keeps
 * neither the loop nor the end of the process.
 */
#include "broker/net/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "storage/base/memory.h"
#include "storage/base/number.h"

enum stage { UNDER_WAY, DONE, ABANDONED };

struct lookup {
    struct addrinfo *found;
    atomic_int       stage;
    char             digits[NUMBER_INTEGER_MAX + 1];
    char             host[];
};

static void free_lookup(struct lookup *lookup)
{
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    memory_free(lookup);
}

static void look(struct lookup *lookup, int flags)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                    .ai_flags = flags };

    if (getaddrinfo(lookup->host, lookup->digits, &hints, &lookup->found) != 0)
        lookup->found = NULL;
}

static void *look_by_name(void *what)
{
    struct lookup *lookup = what;
    int under_way = UNDER_WAY;

    memory_thread_begin();
    look(lookup, 0);
    if (!atomic_compare_exchange_strong(&lookup->stage, &under_way, DONE))
        free_lookup(lookup);
    memory_thread_end();
    return NULL;
}

/* Signals are the main thread's business; a new thread inherits the mask. */
static bool start_thread(struct lookup *lookup)
{
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t before;
    sigset_t all;
    bool fine;

    if (pthread_attr_init(&detached) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    fine = pthread_create(&thread, &detached, look_by_name, lookup) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&detached);
    return fine;
}

struct lookup *lookup_begin(const char *host, uint16_t port)
{
    size_t len = strlen(host);
    struct lookup *lookup = memory_new_zeroed(1, sizeof(*lookup) + len + 1);

    memcpy(lookup->host, host, len);
    lookup->digits[number_put(lookup->digits, port)] = '\0';
    atomic_init(&lookup->stage, UNDER_WAY);
    look(lookup, AI_NUMERICHOST);
    if (lookup->found != NULL || !start_thread(lookup))
        atomic_store(&lookup->stage, DONE);
    return lookup;
}

bool lookup_is_done(struct lookup *lookup)
{
    return atomic_load(&lookup->stage) == DONE;
}

const struct addrinfo *lookup_found(const struct lookup *lookup)
{
    return lookup->found;
}

void lookup_end(struct lookup *lookup)
{
    int under_way = UNDER_WAY;

    if (lookup == NULL)
        return;
    if (!atomic_compare_exchange_strong(&lookup->stage, &under_way, ABANDONED))
        free_lookup(lookup);
}
