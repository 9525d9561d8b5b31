/* The scribe's thread, and what the main thread says to it. The rules are in the private header. */
#include "storage/persist/aof_scribe_private.h"

#include <signal.h>

#include "storage/base/memory.h"
#include "storage/persist/aof_seal.h"

enum { SECOND = 1000000 };

static void pause_for(micros delay)
{
    struct timespec pause = { delay / SECOND, delay % SECOND * 1000 };

    if (delay > 0)
        (void)nanosleep(&pause, NULL);
}

/* ---- The thread ---- */

static void lock(struct aof_scribe *scribe)
{
    must(pthread_mutex_lock(&scribe->lock) == 0);
}

static void unlock(struct aof_scribe *scribe)
{
    must(pthread_mutex_unlock(&scribe->lock) == 0);
}

/* Whether something is to be done, whoever has the pen now. */
static bool has_work(const struct aof_scribe *scribe)
{
    if (!scribe->open || (scribe->failed && !scribe->retry))
        return false;
    return scribe->batch.len > 0 || scribe->gathered.len > 0 || scribe->turnover != NULL ||
           scribe->sync_asked || scribe->retry;
}

static void swap(struct buffer *one, struct buffer *other)
{
    struct buffer kept = *one;

    *one = *other;
    *other = kept;
}

/* Takes what has gathered, unless a batch still waits to be written again. */
static void take_batch(struct aof_scribe *scribe)
{
    if (scribe->batch.len > 0)
        return;
    swap(&scribe->batch, &scribe->gathered);
    atomic_store_explicit(&scribe->batch_room, scribe->batch.capacity, memory_order_relaxed);
    scribe->batch_upto = scribe->gathered_upto;
    scribe->turning = scribe->turnover;
    scribe->turnover = NULL;
    swap(&scribe->gathered, &scribe->after);
    scribe->gathered_upto = scribe->said;
}

/* Waits for more to gather where that pays (aof_pace.h). */
static void linger(struct aof_scribe *scribe)
{
    size_t wanted = scribe->pace.wanted;
    micros until = pace_waits_until(&scribe->pace, scribe->gathered.len, aof_pen_clock());
    struct timespec deadline = { until / SECOND, until % SECOND * 1000 };

    if (until == 0)
        return;
    scribe->lingers_for = wanted;
    while (!scribe->stopping && !scribe->sync_asked && scribe->turnover == NULL && scribe->open &&
           !scribe->busy && scribe->gathered.len < wanted &&
           pthread_cond_timedwait(&scribe->more, &scribe->lock, &deadline) == 0)
        continue;
    scribe->lingers_for = 0;
}

static void tell_moved(struct aof_scribe *scribe)
{
    if (scribe->setup.moved != NULL)
        scribe->setup.moved(scribe->setup.who);
}

/* Writes the batch and forces it to disk if asked to; who waits for the file alone goes on between. */
static bool write_batch(struct aof_scribe *scribe, bool sync, bool always, uint64_t enough)
{
    if (sync && !always && scribe->batch.len > 0) {
        if (!aof_pen_write_batch(scribe, false, enough))
            return false;
        tell_moved(scribe);
    }
    return aof_pen_write_batch(scribe, sync, enough);
}

/*
 * What there is to do now, from the lock to the file and back; the lock is held around it.
 * Whether there is news that others wait for.
 */
static bool do_work(struct aof_scribe *scribe)
{
    micros began = aof_pen_clock();
    bool unsure = scribe->unsure;
    uint64_t enough;
    bool kept = scribe->batch.len > 0; /* from an attempt that failed; more has gathered since */
    size_t batch;
    bool mark = scribe->sealing;
    bool always = scribe->always;
    bool sync, asked, fine, turned;

    take_batch(scribe);
    batch = scribe->batch.len;
    /* A file that is left is sealed up to its end: with the batch, so that one fsync does. */
    enough = scribe->sealing || scribe->turning != NULL ? 1 : AOF_SEAL_EVERY;
    asked = scribe->sync_asked || scribe->retry || scribe->turning != NULL || scribe->failed;
    sync = asked || always;
    scribe->sync_asked = false;
    scribe->retry = false;
    scribe->busy = true;
    unlock(scribe);

    pause_for(scribe->batch.len > 0 ? scribe->delay : 0);
    fine = write_batch(scribe, sync, always, enough) && (!mark || aof_pen_mark(scribe));
    if (!fine && scribe->turning != NULL)
        scribe->turning->trouble = scribe->story;
    turned = fine && scribe->turning != NULL && aof_pen_turn_over(scribe, scribe->turning);
    if (scribe->turning != NULL && !turned && scribe->unsure)
        fine = false;

    lock(scribe);
    if (scribe->turning != NULL)
        scribe->turned = turned ? AOF_TURNOVER_DONE : AOF_TURNOVER_FAILED;
    scribe->turning = NULL;
    scribe->busy = false;
    scribe->sync_asked = scribe->sync_asked || (kept && asked);
    scribe->lost = scribe->lost || (fine && unsure);
    if (sync && fine && batch > 0 && !turned)
        pace_keep(&scribe->pace, began, aof_pen_clock(), batch, scribe->gathered.len);
    asked = asked || batch > 0 || fine == scribe->failed;
    scribe->failed = !fine;
    if (!fine)
        scribe->trouble = scribe->story;
    must(pthread_cond_broadcast(&scribe->done) == 0);
    return asked;
}

static void *work(void *who)
{
    struct aof_scribe *scribe = who;

    memory_thread_begin();
    pthread_setname_np(pthread_self(), "millrace-log");
    lock(scribe);
    while (!scribe->stopping) {
        if (!scribe->busy && has_work(scribe)) {
            if (scribe->always && !scribe->failed)
                linger(scribe);
            if (!scribe->busy && has_work(scribe) && !scribe->stopping && do_work(scribe)) {
                unlock(scribe);
                tell_moved(scribe);
                lock(scribe);
            }
        } else {
            must(pthread_cond_wait(&scribe->more, &scribe->lock) == 0);
        }
    }
    unlock(scribe);
    memory_thread_end();
    return NULL;
}

struct aof_scribe *aof_scribe_new(const struct aof_scribe_setup *setup)
{
    struct aof_scribe *scribe = memory_new_zeroed(1, sizeof(*scribe));
    pthread_condattr_t monotonic;
    sigset_t all;
    sigset_t before;

    scribe->setup = *setup;
    scribe->fd = -1;
    must(pthread_mutex_init(&scribe->lock, NULL) == 0);
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&scribe->more, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    pace_begin(&scribe->pace);
    must(pthread_cond_init(&scribe->done, NULL) == 0);

    /* Signals are the main thread's business; a new thread inherits the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&scribe->thread, NULL, work, scribe) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return scribe;
}

void aof_scribe_free(struct aof_scribe *scribe)
{
    if (scribe == NULL)
        return;
    lock(scribe);
    scribe->stopping = true;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
    must(pthread_join(scribe->thread, NULL) == 0);
    pthread_cond_destroy(&scribe->done);
    pthread_cond_destroy(&scribe->more);
    pthread_mutex_destroy(&scribe->lock);
    if (scribe->open)
        (void)close(scribe->fd);
    buffer_clear(&scribe->batch);
    buffer_clear(&scribe->gathered);
    buffer_clear(&scribe->after);
    memory_free(scribe);
}

/* ---- For the main thread ---- */

void aof_scribe_open(struct aof_scribe *scribe, int fd, uint64_t size, uint64_t sealed)
{
    lock(scribe);
    must(!scribe->open && !scribe->busy);
    aof_pen_begin(scribe, fd, size, sealed);
    scribe->open = true;
    scribe->failed = false;
    scribe->lost = false;
    unlock(scribe);
}

static void wait_for_rest(struct aof_scribe *scribe)
{
    while (scribe->busy)
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
}

/* Nothing waits any more, whatever became of it. */
static void count_as_kept(struct aof_scribe *scribe)
{
    scribe->gathered_upto = scribe->said;
    scribe->batch_upto = scribe->said;
    atomic_store(&scribe->written, scribe->said);
    atomic_store(&scribe->durable, scribe->said);
}

int aof_scribe_close(struct aof_scribe *scribe, uint64_t *size)
{
    int fd;

    lock(scribe);
    must(scribe->open);
    /* From here on it takes nothing more, whatever has gathered. */
    scribe->open = false;
    wait_for_rest(scribe);
    if (scribe->turnover != NULL) {
        (void)trouble_set(&scribe->turnover->trouble, "the log was closed");
        scribe->turned = AOF_TURNOVER_FAILED;
        scribe->turnover = NULL;
    }
    buffer_clear(&scribe->batch);
    buffer_clear(&scribe->gathered);
    buffer_clear(&scribe->after);
    count_as_kept(scribe);
    scribe->failed = scribe->retry = scribe->sync_asked = false;
    *size = aof_pen_at(scribe);
    fd = scribe->fd;
    scribe->fd = -1;
    unlock(scribe);
    return fd;
}

void aof_scribe_set_always(struct aof_scribe *scribe, bool always)
{
    lock(scribe);
    /* What was written and not forced is promised from now on. */
    if (always && !scribe->always && scribe->open)
        scribe->sync_asked = true;
    scribe->always = always;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

void aof_scribe_delay(struct aof_scribe *scribe, micros delay)
{
    lock(scribe);
    wait_for_rest(scribe);
    scribe->delay = delay;
    unlock(scribe);
}

/* Adds statements to what waits; the lock is held. */
static void gather(struct aof_scribe *scribe, struct slice statements)
{
    scribe->said += statements.len;
    if (scribe->always && pace_say(&scribe->pace, statements.len))
        pace_return(&scribe->pace, aof_pen_clock());
    if (scribe->turnover != NULL) {
        buffer_add(&scribe->after, statements);
        return;
    }
    buffer_add(&scribe->gathered, statements);
    scribe->gathered_upto = scribe->said;
}

size_t aof_scribe_memory(struct aof_scribe *scribe)
{
    size_t bytes = atomic_load_explicit(&scribe->batch_room, memory_order_relaxed);

    lock(scribe);
    bytes += scribe->gathered.capacity + scribe->after.capacity;
    unlock(scribe);
    return bytes;
}

void aof_scribe_say(struct aof_scribe *scribe, struct slice statements)
{
    lock(scribe);
    if (scribe->open) {
        gather(scribe, statements);
        if (!scribe->busy && scribe->gathered.len >= scribe->lingers_for)
            must(pthread_cond_signal(&scribe->more) == 0);
    } else {
        scribe->said += statements.len;
        count_as_kept(scribe);
    }
    unlock(scribe);
}

enum aof_scribe_quiet aof_scribe_say_quietly(struct aof_scribe *scribe, struct slice statements)
{
    enum aof_scribe_quiet found = AOF_SCRIBE_NOT_TAKEN;
    bool quick;

    lock(scribe);
    quick = scribe->open && scribe->always && !scribe->busy && !scribe->failed &&
            scribe->delay == 0 && scribe->turnover == NULL &&
            pace_is_quick(&scribe->pace, aof_pen_clock());
    if (quick) {
        gather(scribe, statements);
        found = pace_has_all(&scribe->pace, scribe->gathered.len) ? AOF_SCRIBE_ALL
                                                                  : AOF_SCRIBE_SOME;
    }
    unlock(scribe);
    return found;
}

void aof_scribe_commit(struct aof_scribe *scribe)
{
    lock(scribe);
    if (!scribe->busy && has_work(scribe)) {
        if (scribe->failed || scribe->turnover != NULL || !scribe->always)
            must(pthread_cond_signal(&scribe->more) == 0);
        else
            (void)do_work(scribe);
    }
    unlock(scribe);
}

enum aof_scribe_wrote aof_scribe_write(struct aof_scribe *scribe, struct slice statements)
{
    bool fine;

    lock(scribe);
    if (scribe->busy || !scribe->open || scribe->always || scribe->failed || scribe->delay > 0 ||
        has_work(scribe)) {
        unlock(scribe);
        return AOF_SCRIBE_BUSY;
    }
    scribe->busy = true;
    unlock(scribe);
    fine = aof_pen_put(scribe, statements, AOF_SEAL_EVERY);
    lock(scribe);
    scribe->busy = false;
    if (fine) {
        scribe->said += statements.len;
        scribe->gathered_upto = scribe->said;
        scribe->batch_upto = scribe->said;
        atomic_store(&scribe->written, scribe->said);
    } else {
        gather(scribe, statements);
        scribe->failed = true;
        scribe->trouble = scribe->story;
    }
    unlock(scribe);
    return fine ? AOF_SCRIBE_WROTE : AOF_SCRIBE_BROKE;
}

void aof_scribe_sync_soon(struct aof_scribe *scribe)
{
    lock(scribe);
    scribe->sync_asked = true;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

bool aof_scribe_finish(struct aof_scribe *scribe, struct trouble *trouble)
{
    bool fine;

    lock(scribe);
    wait_for_rest(scribe);
    scribe->sync_asked = true;
    scribe->sealing = true;
    scribe->retry = scribe->failed;
    must(pthread_cond_signal(&scribe->more) == 0);
    while (scribe->busy || has_work(scribe))
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
    scribe->sealing = false;
    fine = !scribe->failed;
    if (!fine)
        *trouble = scribe->trouble;
    unlock(scribe);
    return fine;
}

void aof_scribe_retry(struct aof_scribe *scribe)
{
    lock(scribe);
    scribe->retry = scribe->failed;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

void aof_scribe_rest(struct aof_scribe *scribe)
{
    lock(scribe);
    must(pthread_cond_signal(&scribe->more) == 0);
    while (scribe->busy || has_work(scribe))
        must(pthread_cond_wait(&scribe->done, &scribe->lock) == 0);
    unlock(scribe);
}

void aof_scribe_turn_over(struct aof_scribe *scribe, struct aof_turnover *turnover)
{
    lock(scribe);
    must(scribe->open && scribe->turnover == NULL && scribe->turning == NULL);
    scribe->turned = AOF_TURNOVER_WAITS;
    scribe->turnover = turnover;
    must(pthread_cond_signal(&scribe->more) == 0);
    unlock(scribe);
}

enum aof_turnover_state aof_scribe_turned(struct aof_scribe *scribe)
{
    enum aof_turnover_state turned;

    lock(scribe);
    turned = scribe->turned;
    if (turned != AOF_TURNOVER_WAITS)
        scribe->turned = AOF_TURNOVER_NONE;
    unlock(scribe);
    return turned;
}

void aof_scribe_look(struct aof_scribe *scribe, struct aof_scribe_status *status)
{
    lock(scribe);
    *status = (struct aof_scribe_status){
        .said = scribe->said,
        .written = atomic_load(&scribe->written),
        .durable = atomic_load(&scribe->durable),
        .size = aof_pen_at(scribe),
        .busy = scribe->busy || has_work(scribe),
        .failed = scribe->failed,
        .syncing = atomic_load(&scribe->syncing),
        .lost = scribe->lost,
    };
    scribe->lost = false;
    if (scribe->failed)
        status->trouble = scribe->trouble;
    unlock(scribe);
}

uint64_t aof_scribe_durable(const struct aof_scribe *scribe)
{
    return atomic_load(&scribe->durable);
}

uint64_t aof_scribe_written(const struct aof_scribe *scribe)
{
    return atomic_load(&scribe->written);
}

bool aof_scribe_is_syncing(const struct aof_scribe *scribe)
{
    return atomic_load(&scribe->syncing);
}

uint64_t aof_scribe_size(const struct aof_scribe *scribe)
{
    return aof_pen_at(scribe);
}

void aof_scribe_check(struct aof_scribe *scribe)
{
    uint64_t waiting;

    lock(scribe);
    wait_for_rest(scribe);
    waiting = scribe->batch.len + scribe->gathered.len + scribe->after.len;
    must(atomic_load(&scribe->durable) <= atomic_load(&scribe->written));
    must(scribe->gathered_upto + scribe->after.len == scribe->said);
    must(atomic_load(&scribe->written) + waiting == scribe->said);
    must(scribe->after.len == 0 || scribe->turnover != NULL);
    must(scribe->fd < 0 || scribe->synced <= aof_pen_at(scribe));
    unlock(scribe);
}
