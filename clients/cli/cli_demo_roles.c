#include "clients/cli/cli_demo_roles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    PIPELINE = 32,       /* jobs a producer sends at once */
    BACKLOG_MAX = 5000,  /* producers wait while more jobs than this are waiting */
    NEWS_EVERY = 64,     /* one message for so many jobs of a producer */
    BATCH = 16,          /* entries a group worker asks for */
    CLAIM_IDLE_MS = 500, /* when an entry counts as left behind */
    HEAR_MS = 10000      /* longest wait for a reply that should come at once */
};

double demo_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void rest(void)
{
    struct timespec pause = {.tv_nsec = 2000000};

    nanosleep(&pause, NULL);
}

/* Keeps the first trouble and sends everybody home. */
static void complain(struct demo *demo, const char *who, const char *why)
{
    pthread_mutex_lock(&demo->trouble_lock);
    if (demo->trouble[0] == '\0' && !atomic_load(&demo->go_home))
        snprintf(demo->trouble, sizeof demo->trouble, "%s: %s", who, why);
    pthread_mutex_unlock(&demo->trouble_lock);
    atomic_store(&demo->no_more, true);
    atomic_store(&demo->go_home, true);
}

static struct mr_link *connect_as(struct demo *demo, const char *who)
{
    struct mr_link_setup setup = cli_setup(demo->cli);
    struct mr_trouble trouble;
    struct mr_link *link = mr_link_open(&setup, &trouble);

    if (link == NULL)
        complain(demo, who, trouble.text);
    return link;
}

/* Writes a finished job into the book. */
static void finish_job(struct demo *demo, const char *text)
{
    long job = strtol(text, NULL, 10);

    if (job >= 0 && job < demo->jobs)
        atomic_fetch_add(&demo->processed_jobs[job], 1);
    atomic_fetch_add(&demo->processed, 1);
}

/* --- producers --------------------------------------------------------------- */

/* Takes numbers for the next jobs, as many as there are up to a pipeline. */
static long take_jobs(struct demo *demo, long *first)
{
    long count = PIPELINE;

    *first = atomic_fetch_add(&demo->next_job, count);
    if (*first >= demo->jobs)
        return 0;
    return *first + count > demo->jobs ? demo->jobs - *first : count;
}

static bool say_job(struct mr_link *link, long job)
{
    char number[24];

    snprintf(number, sizeof number, "%ld", job);
    if (job % 2 == 1)
        return mr_link_say_words(link, "LPUSH", DEMO_QUEUE, number, (char *)NULL);
    return mr_link_say_words(link, "XADD", DEMO_STREAM, "*", "job", number, (char *)NULL);
}

/* Sends jobs and marks those the broker acknowledged. False if the link broke. */
static bool send_jobs(struct demo *demo, struct mr_link *link, long first, long count)
{
    bool fine = true;

    for (long i = 0; i < count && fine; i++)
        fine = say_job(link, first + i);
    for (long i = 0; i < count && fine; i++) {
        struct mr_reply *reply;

        fine = mr_link_hear(link, HEAR_MS, &reply) == MR_HEARD;
        if (fine && reply->type == MR_ERROR) {
            complain(demo, "a producer was refused", reply->text);
            fine = false;
        } else if (fine) {
            atomic_store(&demo->sent_jobs[first + i], 1);
            atomic_fetch_add(&demo->sent, 1);
        }
        mr_reply_free(reply);
    }
    return fine;
}

static bool publish(struct demo *demo, struct mr_link *link, long job)
{
    char text[32];
    struct mr_reply *reply;

    snprintf(text, sizeof text, "job %ld", job);
    reply = mr_link_ask_words(link, "PUBLISH", DEMO_NEWS, text, (char *)NULL);
    if (reply == NULL)
        return false;
    if (reply->type == MR_INTEGER)
        atomic_fetch_add(&demo->receivers, (long)reply->integer);
    atomic_fetch_add(&demo->published, 1);
    mr_reply_free(reply);
    return true;
}

/* True while a producer should hold back: too much is waiting, or it is too fast. */
static bool too_early(struct demo *demo, double began)
{
    long sent = atomic_load(&demo->sent);

    if (sent - atomic_load(&demo->processed) > BACKLOG_MAX)
        return true;
    return demo->pace > 0 && (double)sent > (demo_now() - began) * demo->pace;
}

void *demo_producer(void *argument)
{
    struct demo_person *person = argument;
    struct demo *demo = person->demo;
    struct mr_link *link = connect_as(demo, "a producer");
    double began = demo_now();
    bool fine = link != NULL;
    long mine = 0;

    while (fine && !atomic_load(&demo->no_more)) {
        long first;
        long count;

        if (too_early(demo, began)) {
            rest();
            continue;
        }
        count = take_jobs(demo, &first);
        if (count == 0)
            break;
        fine = send_jobs(demo, link, first, count);
        mine += count;
        if (fine && mine >= NEWS_EVERY) {
            fine = publish(demo, link, first);
            mine -= NEWS_EVERY;
        }
    }
    if (!fine && link != NULL)
        complain(demo, "a producer", mr_link_trouble(link));
    atomic_fetch_sub(&demo->producing, 1);
    mr_link_free(link);
    return NULL;
}

/* --- workers on the list ------------------------------------------------------- */

/*
 * A job moves from the queue to the worker's own list, is handled, and is removed
 * there: at no moment is it in the worker's memory alone. The removal travels with
 * the next request, so that a job costs one round trip.
 */
void *demo_list_worker(void *argument)
{
    struct demo_person *person = argument;
    struct demo *demo = person->demo;
    struct mr_link *link = connect_as(demo, "a list worker");
    char own[64];
    char done[32] = "";
    bool fine = link != NULL;

    snprintf(own, sizeof own, "%s%d", DEMO_PROCESSING, person->number);
    while (fine && (done[0] != '\0' || !atomic_load(&demo->go_home))) {
        struct mr_reply *reply = NULL;

        if (done[0] != '\0')
            mr_link_say_words(link, "LREM", own, "1", done, (char *)NULL);
        mr_link_say_words(link, "BLMOVE", DEMO_QUEUE, own, "RIGHT", "LEFT", "0.2", (char *)NULL);
        if (done[0] != '\0') {
            fine = mr_link_hear(link, HEAR_MS, &reply) == MR_HEARD;
            mr_reply_free(reply);
            done[0] = '\0';
        }
        fine = fine && mr_link_hear(link, HEAR_MS, &reply) == MR_HEARD;
        if (!fine)
            break;
        if (reply->type == MR_ERROR) {
            complain(demo, "a list worker was refused", reply->text);
            fine = false;
        } else if (reply->type == MR_STRING) {
            finish_job(demo, reply->text);
            snprintf(done, sizeof done, "%s", reply->text);
        }
        mr_reply_free(reply);
    }
    if (!fine && link != NULL)
        complain(demo, "a list worker", mr_link_trouble(link));
    mr_link_free(link);
    return NULL;
}

/* --- workers in the group ------------------------------------------------------- */

/* What the handler of a group worker needs. */
struct group_worker {
    struct demo    *demo;
    struct mr_link *link;
    bool            may_die;
    bool            dead;
    bool            saw_signal; /* knows that one of them is to die */
    bool            first;      /* no entry of this turn has been handled yet */
};

/*
 * Handles one entry; or, when this worker is to die, cuts its own connection with
 * the entries of a whole batch in its hands, none of them acknowledged.
 */
static bool handle_entry(void *owner, const struct mr_entry *entry)
{
    struct group_worker *worker = owner;
    struct demo *demo = worker->demo;

    /*
     * Only before the first entry of a turn: then no acknowledgement is under way
     * that might be lost with the connection and have its job done twice.
     */
    if (worker->may_die && worker->first && worker->saw_signal) {
        worker->dead = true;
        shutdown(mr_link_socket(worker->link), SHUT_RDWR);
        atomic_store(&demo->killed, true);
    }
    worker->first = false;
    if (worker->dead) {
        atomic_fetch_add(&demo->left_behind, 1);
        return false;
    }
    if (entry->claimed)
        atomic_fetch_add(&demo->claimed, 1);
    if (entry->fields->count >= 2 && entry->fields->children[1].text != NULL)
        finish_job(demo, entry->fields->children[1].text);
    return true;
}

/*
 * What happens between turns. When one is to die all pause for once, that one for
 * the shortest time: it finds a full batch, so there is something to leave behind.
 */
static void before_turn(struct group_worker *worker)
{
    worker->first = true;
    if (worker->saw_signal || !atomic_load(&worker->demo->kill_one))
        return;
    worker->saw_signal = true;
    for (int i = 0; i < (worker->may_die ? 20 : 40); i++)
        rest();
}

void *demo_group_worker(void *argument)
{
    struct demo_person *person = argument;
    struct demo *demo = person->demo;
    char name[32];
    struct group_worker worker = {.demo = demo,
                                  .link = connect_as(demo, "a group worker"),
                                  .may_die = person->number == DEMO_GROUP_WORKERS - 1};
    struct mr_consumer_setup setup = {.stream = DEMO_STREAM,
                                      .group = DEMO_GROUP,
                                      .name = name,
                                      .dead_letter = DEMO_DEAD,
                                      .batch = BATCH,
                                      .block_ms = 200,
                                      .claim_idle_ms = CLAIM_IDLE_MS,
                                      .claim_every_ms = 200,
                                      .handle = handle_entry,
                                      .owner = &worker};
    struct mr_trouble trouble;
    struct mr_consumer *consumer = NULL;

    snprintf(name, sizeof name, "worker-%d", person->number);
    if (worker.link != NULL) {
        consumer = mr_consumer_new(worker.link, &setup, &trouble);
        if (consumer == NULL)
            complain(demo, "a group worker", trouble.text);
    }
    while (consumer != NULL && !atomic_load(&demo->go_home)) {
        before_turn(&worker);
        if (mr_consumer_turn(consumer) != MR_GONE)
            continue;
        if (!worker.dead)
            complain(demo, "a group worker", mr_consumer_trouble(consumer));
        break;
    }
    mr_consumer_free(consumer);
    mr_link_free(worker.link);
    return NULL;
}

/* --- subscribers ----------------------------------------------------------------- */

static void on_news(void *owner, const struct mr_message *message)
{
    struct demo *demo = owner;

    (void)message;
    atomic_fetch_add(&demo->heard, 1);
}

/* Two listen to the channel, the last to all channels that begin as it does. */
void *demo_subscriber(void *argument)
{
    struct demo_person *person = argument;
    struct demo *demo = person->demo;
    struct mr_link *link = connect_as(demo, "a subscriber");
    struct mr_subscriber *subscriber = link != NULL ? mr_subscriber_new(link) : NULL;
    bool counted = false;
    bool fine = subscriber != NULL;

    if (fine && person->number == DEMO_SUBSCRIBERS - 1)
        fine = mr_subscriber_pattern(subscriber, DEMO_NEWS "*", on_news, demo);
    else if (fine)
        fine = mr_subscriber_channel(subscriber, DEMO_NEWS, on_news, demo);
    while (fine && !atomic_load(&demo->go_home)) {
        fine = mr_subscriber_turn(subscriber, counted ? 200 : 20) != MR_GONE;
        if (!counted && mr_subscriber_confirmed(subscriber) > 0) {
            atomic_fetch_add(&demo->listening, 1);
            counted = true;
        }
    }
    if (!fine && link != NULL)
        complain(demo, "a subscriber", mr_link_trouble(link));
    mr_subscriber_free(subscriber);
    mr_link_free(link);
    return NULL;
}
