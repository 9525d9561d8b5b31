/*
 *   4 producers ─┬─► demo:queue  ──► 4 workers, each with a list of its own
 *                ├─► demo:stream ──► 4 workers in one group; one is killed, and
 *                │                   what it had in its hands others claim
 *                └─► demo:news   ──► 3 subscribers
 *
 * The audit goes by the numbers of the jobs: one that was acknowledged to its
 * producer and never handled is lost, one that was handled twice is doubled.
 */
#include "clients/cli/cli_demo.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/cli/cli_demo_roles.h"
#include "clients/cli/cli_run.h"

/* How long stragglers may take after the last job was sent. */
static const double patience_seconds = 15.0;

/* What the audit counts. */
struct audit {
    long sent;
    long processed; /* jobs handled at least once */
    long lost;
    long doubled;
};

/* Deletes our keys; also at the start, in case an earlier run was cut short. */
static bool clean_up(struct cli *cli)
{
    char own[DEMO_LIST_WORKERS][64];
    const char *words[4 + DEMO_LIST_WORKERS] = {"DEL", DEMO_QUEUE, DEMO_STREAM, DEMO_DEAD};
    struct mr_reply *reply;
    bool fine;

    for (int i = 0; i < DEMO_LIST_WORKERS; i++) {
        snprintf(own[i], sizeof own[i], "%s%d", DEMO_PROCESSING, i);
        words[4 + i] = own[i];
    }
    reply = mr_link_ask(cli->link, 4 + DEMO_LIST_WORKERS, words, NULL);
    fine = reply != NULL && reply->type == MR_INTEGER;
    if (!fine)
        fprintf(stderr, "millrace-cli: DEL: %s\n",
                reply != NULL ? reply->text : mr_link_trouble(cli->link));
    mr_reply_free(reply);
    return fine;
}

/* --- the live line ------------------------------------------------------------ */

static void print_progress(struct demo *demo, double elapsed, long *sent_before,
                           double *elapsed_before)
{
    long sent = atomic_load(&demo->sent);
    long processed = atomic_load(&demo->processed);
    double span = elapsed - *elapsed_before;
    double rate = span > 0 ? (double)(sent - *sent_before) / span : 0.0;

    *sent_before = sent;
    *elapsed_before = elapsed;
    printf("%s%5.1f s  sent %ld (%.0f/s)  processed %ld  waiting %ld  claimed %ld  messages %ld%s",
           cli_on_terminal() ? "\r\x1b[2K" : "", elapsed, sent, rate, processed, sent - processed,
           atomic_load(&demo->claimed), atomic_load(&demo->heard),
           cli_on_terminal() ? "" : "\n");
    fflush(stdout);
}

/* Tells of something once, above the moving line. */
static void announce(const char *text)
{
    printf("%s%s\n", cli_on_terminal() ? "\r\x1b[2K" : "", text);
    fflush(stdout);
}

/* Waits a little; true if ^C came meanwhile. */
static bool wait_a_little(const sigset_t *set)
{
    struct timespec pause = {.tv_nsec = 50000000};

    return sigtimedwait(set, NULL, &pause) > 0;
}

/* --- the course of things ------------------------------------------------------ */

static bool start(struct demo *demo, struct demo_person *people, int *count,
                  void *(*role)(void *), int number)
{
    for (int i = 0; i < number; i++) {
        struct demo_person *person = &people[*count];

        person->demo = demo;
        person->number = i;
        if (pthread_create(&person->thread, NULL, role, person) != 0) {
            fputs("millrace-cli: no more threads\n", stderr);
            atomic_store(&demo->no_more, true);
            atomic_store(&demo->go_home, true);
            return false;
        }
        (*count)++;
    }
    return true;
}

/* Begins with those who listen and work, so that nothing is sent into the void. */
static bool start_all(struct demo *demo, struct demo_person *people, int *count)
{
    double began = demo_now();
    struct timespec pause = {.tv_nsec = 5000000};

    if (!start(demo, people, count, demo_subscriber, DEMO_SUBSCRIBERS) ||
        !start(demo, people, count, demo_group_worker, DEMO_GROUP_WORKERS) ||
        !start(demo, people, count, demo_list_worker, DEMO_LIST_WORKERS))
        return false;
    while (atomic_load(&demo->listening) < DEMO_SUBSCRIBERS && !atomic_load(&demo->go_home) &&
           demo_now() - began < patience_seconds)
        nanosleep(&pause, NULL);
    return start(demo, people, count, demo_producer, DEMO_PRODUCERS);
}

/* True when the killing is due: half of the time or of the jobs has gone. */
static bool half_way(struct demo *demo, double elapsed)
{
    return elapsed >= demo->cli->options.demo_seconds / 2 ||
           atomic_load(&demo->sent) >= demo->jobs / 2;
}

/* True when all that was sent has been handled and all that was published heard. */
static bool all_done(struct demo *demo)
{
    return atomic_load(&demo->producing) == 0 &&
           atomic_load(&demo->processed) >= atomic_load(&demo->sent) &&
           atomic_load(&demo->heard) >= atomic_load(&demo->receivers);
}

/* Watches until all is done, the time is over and patience too, or ^C comes twice. */
static void watch(struct demo *demo, const sigset_t *set)
{
    double began = demo_now();
    double shown = 0;
    double stopped = 0;
    long sent_before = 0;
    double elapsed_before = 0;
    double every = cli_on_terminal() ? 0.1 : 1.0;
    bool told = false;

    while (!atomic_load(&demo->go_home) && !all_done(demo)) {
        bool interrupted = wait_a_little(set);
        double elapsed = demo_now() - began;

        if (interrupted && stopped > 0)
            break;
        if (half_way(demo, elapsed))
            atomic_store(&demo->kill_one, true);
        if (!told && atomic_load(&demo->killed)) {
            announce("         a worker of the group was killed with entries in its hands");
            told = true;
        }
        if (stopped <= 0 && (interrupted || elapsed >= demo->cli->options.demo_seconds ||
                             atomic_load(&demo->producing) == 0)) {
            atomic_store(&demo->no_more, true);
            stopped = elapsed;
        }
        if (stopped > 0 && elapsed - stopped > patience_seconds)
            break;
        if (elapsed - shown >= every) {
            print_progress(demo, elapsed, &sent_before, &elapsed_before);
            shown = elapsed;
        }
    }
    print_progress(demo, demo_now() - began, &sent_before, &elapsed_before);
    if (cli_on_terminal())
        putchar('\n');
}

/* --- the audit ----------------------------------------------------------------- */

static struct audit count_jobs(struct demo *demo)
{
    struct audit audit = {0};

    for (long job = 0; job < demo->jobs; job++) {
        bool sent = atomic_load(&demo->sent_jobs[job]) != 0;
        unsigned times = atomic_load(&demo->processed_jobs[job]);

        audit.sent += sent ? 1 : 0;
        audit.processed += times > 0 ? 1 : 0;
        audit.lost += sent && times == 0 ? 1 : 0;
        audit.doubled += times > 1 ? 1 : 0;
    }
    return audit;
}

/* What the broker still holds of ours: entries pending and elements of the lists. */
static long left_over(struct cli *cli)
{
    struct mr_reply *reply =
        mr_link_ask_words(cli->link, "XPENDING", DEMO_STREAM, DEMO_GROUP, (char *)NULL);
    long sum = 0;

    if (reply != NULL && reply->count > 0 && reply->children[0].type == MR_INTEGER)
        sum += (long)reply->children[0].integer;
    mr_reply_free(reply);
    for (int i = -1; i < DEMO_LIST_WORKERS; i++) {
        char key[64];

        snprintf(key, sizeof key, "%s%d", DEMO_PROCESSING, i);
        reply = mr_link_ask_words(cli->link, "LLEN", i < 0 ? DEMO_QUEUE : key, (char *)NULL);
        if (reply != NULL && reply->type == MR_INTEGER)
            sum += (long)reply->integer;
        mr_reply_free(reply);
    }
    return sum;
}

static void print_audit(struct demo *demo, const struct audit *audit, long left)
{
    printf("\naudit    sent %ld   processed %ld   lost %ld   doubled %ld\n", audit->sent,
           audit->processed, audit->lost, audit->doubled);
    if (atomic_load(&demo->killed))
        printf("         the killed worker left %ld entries; %ld were claimed by others\n",
               atomic_load(&demo->left_behind), atomic_load(&demo->claimed));
    else
        puts("         no worker was killed: there were too few jobs");
    printf("         messages published %ld, heard %ld of %ld by %d subscribers\n",
           atomic_load(&demo->published), atomic_load(&demo->heard),
           atomic_load(&demo->receivers), DEMO_SUBSCRIBERS);
    if (left > 0)
        printf("         %ld jobs are still in the broker's hands\n", left);
}

static int conclude(struct demo *demo)
{
    struct audit audit = count_jobs(demo);
    bool fine = audit.lost == 0 && demo->trouble[0] == '\0' &&
                atomic_load(&demo->heard) == atomic_load(&demo->receivers);

    if (demo->trouble[0] != '\0')
        fprintf(stderr, "millrace-cli: %s\n", demo->trouble);
    /* A connection of the audit's own: the old one may have died with the broker. */
    if (!cli_ensure(demo->cli))
        return 1;
    print_audit(demo, &audit, left_over(demo->cli));
    return clean_up(demo->cli) && fine ? 0 : 1;
}

static bool prepare(struct demo *demo, struct cli *cli)
{
    const struct cli_options *options = &cli->options;

    demo->cli = cli;
    demo->jobs = options->demo_jobs > 0 && options->demo_jobs < DEMO_JOBS_MAX
                     ? options->demo_jobs
                     : DEMO_JOBS_MAX;
    if (options->demo_jobs > 0 && options->demo_seconds > 0)
        demo->pace = (double)demo->jobs / options->demo_seconds;
    demo->sent_jobs = calloc((size_t)demo->jobs, sizeof *demo->sent_jobs);
    demo->processed_jobs = calloc((size_t)demo->jobs, sizeof *demo->processed_jobs);
    atomic_store(&demo->producing, DEMO_PRODUCERS);
    pthread_mutex_init(&demo->trouble_lock, NULL);
    return demo->sent_jobs != NULL && demo->processed_jobs != NULL;
}

int cli_demo(struct cli *cli)
{
    struct demo demo = {0};
    struct demo_person people[DEMO_PEOPLE];
    int count = 0;
    int status = 1;
    sigset_t set;

    /* Blocked before the threads begin, so that ^C reaches the watcher alone. */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (cli_connect(cli) && clean_up(cli) && prepare(&demo, cli)) {
        printf("%d producers, %d workers (%d on a list, %d in a group), %d subscribers\n",
               DEMO_PRODUCERS, DEMO_LIST_WORKERS + DEMO_GROUP_WORKERS, DEMO_LIST_WORKERS,
               DEMO_GROUP_WORKERS, DEMO_SUBSCRIBERS);
        if (start_all(&demo, people, &count))
            watch(&demo, &set);
        atomic_store(&demo.no_more, true);
        atomic_store(&demo.go_home, true);
        for (int i = 0; i < count; i++)
            pthread_join(people[i].thread, NULL);
        status = conclude(&demo);
    }
    free(demo.sent_jobs);
    free(demo.processed_jobs);
    return status;
}
