#include "clients/cli/cli_modes.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/cli_run.h"

enum { PIPE_CHUNK = 64 * 1024, PIPE_AHEAD = 1024 * 1024 };

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_seconds(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};

    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

/* Tells what went wrong with a question of ours, frees the reply. */
static int give_up(struct cli *cli, const char *what, struct mr_reply *reply)
{
    fprintf(stderr, "%s: %s\n", what,
            reply != NULL && reply->text != NULL ? reply->text : mr_link_trouble(cli->link));
    mr_reply_free(reply);
    return 1;
}

/* --- pipe ------------------------------------------------------------------ */

struct pipe_tally {
    uint64_t replies;
    uint64_t errors;
    bool     finished; /* the reply to our last word has come */
    char     last_word[24];
};

/* Counts the replies that are there. False if the connection is gone. */
static bool count_replies(struct cli *cli, struct pipe_tally *tally, int wait_ms)
{
    struct mr_reply *reply;
    enum mr_outcome outcome;

    while ((outcome = mr_link_hear(cli->link, wait_ms, &reply)) == MR_HEARD) {
        wait_ms = 0;
        if (reply->type == MR_ERROR) {
            fprintf(stderr, "%s\n", reply->text);
            tally->errors++;
        }
        tally->finished = reply->type == MR_STRING && mr_reply_is(reply, tally->last_word);
        /* The reply to our own ECHO is not one of theirs. */
        tally->replies += tally->finished ? 0 : 1;
        mr_reply_free(reply);
        if (tally->finished)
            return true;
    }
    return outcome != MR_GONE;
}

/* Sends the input to its end, taking replies on the way. False if that fails. */
static bool send_input(struct cli *cli, struct pipe_tally *tally)
{
    char *chunk = cli_memory(NULL, PIPE_CHUNK);
    ssize_t count;
    bool fine = true;

    while (fine && (count = read(STDIN_FILENO, chunk, PIPE_CHUNK)) != 0) {
        if (count < 0 && errno != EINTR) {
            fprintf(stderr, "Error reading input: %s\n", strerror(errno));
            fine = false;
        } else if (count > 0) {
            fine = mr_link_say_raw(cli->link, chunk, (size_t)count) && mr_link_flush(cli->link) &&
                   count_replies(cli, tally, 0);
        }
    }
    free(chunk);
    return fine;
}

/* Asks for an echo behind all that was sent, and waits until it comes. */
static bool await_last(struct cli *cli, struct pipe_tally *tally)
{
    int patience = cli->options.pipe_timeout;
    uint64_t seen;

    snprintf(tally->last_word, sizeof tally->last_word, "%" PRIx64 "%08x",
             (uint64_t)(now_seconds() * 1e6), (unsigned)getpid());
    /* An empty line first: an unfinished inline command must not swallow the echo. */
    mr_link_say_raw(cli->link, "\r\n", 2);
    if (!mr_link_say_words(cli->link, "ECHO", tally->last_word, (char *)NULL))
        return false;
    do {
        seen = tally->replies;
        if (!count_replies(cli, tally, patience > 0 ? patience * 1000 : -1))
            return false;
    } while (!tally->finished && tally->replies > seen);
    if (!tally->finished)
        fprintf(stderr, "No replies for %d seconds: exiting.\n", patience);
    return true;
}

int cli_mode_pipe(struct cli *cli)
{
    struct pipe_tally tally = {0};

    if (!cli_connect(cli))
        return 1;
    if (!send_input(cli, &tally)) {
        fprintf(stderr, "Error: %s\n", mr_link_trouble(cli->link));
        return 1;
    }
    puts("All data transferred. Waiting for the last reply...");
    if (!await_last(cli, &tally)) {
        fprintf(stderr, "Error: %s\n", mr_link_trouble(cli->link));
        return 1;
    }
    if (tally.finished)
        puts("Last reply received from server.");
    else
        tally.errors++;
    printf("errors: %" PRIu64 ", replies: %" PRIu64 "\n", tally.errors, tally.replies);
    return tally.errors > 0 ? 1 : 0;
}

/* --- scan ------------------------------------------------------------------ */

/*
 * One step of a scan: the reply has the next cursor and the keys. NULL if the
 * broker refuses; it has been told then.
 */
static struct mr_reply *scan_step(struct cli *cli, const char *cursor)
{
    struct mr_reply *reply =
        cli->options.pattern != NULL
            ? mr_link_ask_words(cli->link, "SCAN", cursor, "MATCH", cli->options.pattern,
                                (char *)NULL)
            : mr_link_ask_words(cli->link, "SCAN", cursor, (char *)NULL);

    if (reply == NULL || reply->type != MR_ARRAY || reply->count != 2 ||
        reply->children[0].text == NULL) {
        give_up(cli, "SCAN", reply);
        return NULL;
    }
    return reply;
}

/* Copies the cursor for the next step; true if there is a next step. */
static bool next_cursor(const struct mr_reply *reply, char *cursor, size_t room)
{
    snprintf(cursor, room, "%s", reply->children[0].text);
    return strcmp(cursor, "0") != 0;
}

int cli_mode_scan(struct cli *cli)
{
    char cursor[32] = "0";
    bool more = true;

    if (!cli_connect(cli))
        return 1;
    while (more) {
        struct mr_reply *reply = scan_step(cli, cursor);

        if (reply == NULL)
            return 1;
        for (size_t i = 0; i < reply->children[1].count; i++) {
            const struct mr_reply *key = &reply->children[1].children[i];

            if (cli->options.style == CLI_TTY)
                cli_print_quoted(stdout, key->text, key->length);
            else
                fwrite(key->text, 1, key->length, stdout);
            putchar('\n');
        }
        more = next_cursor(reply, cursor, sizeof cursor);
        mr_reply_free(reply);
        if (cli->options.interval > 0)
            sleep_seconds(cli->options.interval);
    }
    return 0;
}

/* --- stat ------------------------------------------------------------------ */

/* The number that stands behind "name:" in a page of INFO; 0 if it is not there. */
static int64_t info_number(const char *page, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = page; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n' ? 1 : 0;
        if (strncmp(at, name, length) == 0 && at[length] == ':')
            return strtoll(at + length + 1, NULL, 10);
    }
    return 0;
}

/* The keys of all databases: the sum of "db0:keys=3,..." and kin. */
static int64_t info_keys(const char *page)
{
    int64_t sum = 0;

    for (const char *at = strstr(page, "\ndb"); at != NULL; at = strstr(at + 1, "\ndb")) {
        const char *keys = strstr(at, ":keys=");

        if (keys != NULL)
            sum += strtoll(keys + strlen(":keys="), NULL, 10);
    }
    return sum;
}

static void print_size(char *text, size_t room, int64_t bytes)
{
    double size = (double)bytes;
    static const char units[] = "BKMGT";
    size_t unit = 0;

    while (size >= 1024.0 && unit + 2 < sizeof units) {
        size /= 1024.0;
        unit++;
    }
    if (unit == 0)
        snprintf(text, room, "%" PRId64 "B", bytes);
    else
        snprintf(text, room, "%.2f%c", size, units[unit]);
}

static const char *child_at_work(const char *page)
{
    if (info_number(page, "rdb_bgsave_in_progress") > 0)
        return "SAVE";
    if (info_number(page, "aof_rewrite_in_progress") > 0)
        return "AOF";
    return "";
}

static void print_stat(const char *page, int64_t *commands_before, bool first)
{
    int64_t commands = info_number(page, "total_commands_processed");
    char memory[32];
    char requests[64];

    print_size(memory, sizeof memory, info_number(page, "used_memory"));
    snprintf(requests, sizeof requests, "%" PRId64 " (+%" PRId64 ")", commands,
             first ? 0 : commands - *commands_before);
    *commands_before = commands;
    printf("%-11" PRId64 "%-8s%-8" PRId64 "%-8" PRId64 "%-20s%-12" PRId64 "%s\n", info_keys(page),
           memory, info_number(page, "connected_clients"), info_number(page, "blocked_clients"),
           requests, info_number(page, "total_connections_received"), child_at_work(page));
    fflush(stdout);
}

int cli_mode_stat(struct cli *cli)
{
    double interval = cli->options.interval > 0 ? cli->options.interval : 1.0;
    int64_t commands = 0;

    if (!cli_connect(cli))
        return 1;
    for (long line = 0;; line++) {
        struct mr_reply *reply = mr_link_ask_words(cli->link, "INFO", (char *)NULL);

        if (reply == NULL || reply->type == MR_ERROR || reply->text == NULL)
            return give_up(cli, "INFO", reply);
        if (line % 20 == 0)
            puts("------- data ------ --------------------- load -------------------- - child -\n"
                 "keys       mem      clients blocked requests            connections          ");
        print_stat(reply->text, &commands, line == 0);
        mr_reply_free(reply);
        sleep_seconds(interval);
    }
}

/* --- latency --------------------------------------------------------------- */

struct latency {
    int64_t  least;
    int64_t  most;
    int64_t  sum;
    int64_t  count;
};

/* Measures one PING in whole milliseconds. False if the broker does not answer. */
static bool measure(struct cli *cli, struct latency *latency)
{
    double begin = now_seconds();
    struct mr_reply *reply = mr_link_ask_words(cli->link, "PING", (char *)NULL);
    int64_t took = (int64_t)((now_seconds() - begin) * 1000.0);

    if (reply == NULL)
        return false;
    mr_reply_free(reply);
    if (latency->count == 0 || took < latency->least)
        latency->least = took;
    if (took > latency->most)
        latency->most = took;
    latency->sum += took;
    latency->count++;
    return true;
}

static void print_latency(const struct latency *latency, enum cli_style style)
{
    double average = (double)latency->sum / (double)latency->count;

    if (style == CLI_TTY)
        printf("min: %" PRId64 ", max: %" PRId64 ", avg: %.2f (%" PRId64 " samples)",
               latency->least, latency->most, average, latency->count);
    else if (style == CLI_CSV)
        printf("%" PRId64 ",%" PRId64 ",%.2f,%" PRId64 "\n", latency->least, latency->most,
               average, latency->count);
    else if (style == CLI_RAW)
        printf("%" PRId64 " %" PRId64 " %.2f %" PRId64 "\n", latency->least, latency->most,
               average, latency->count);
    else
        printf("{\"min\": %" PRId64 ", \"max\": %" PRId64 ", \"avg\": %.2f, \"count\": %" PRId64
               "}\n",
               latency->least, latency->most, average, latency->count);
    fflush(stdout);
}

int cli_mode_latency(struct cli *cli, bool history)
{
    bool moving = cli->options.style == CLI_TTY;
    double span = history ? 15.0 : 1.0;
    struct latency latency = {0};
    double begin = now_seconds();

    if (cli->options.interval > 0)
        span = cli->options.interval;
    if (!cli_connect(cli))
        return 1;
    for (;;) {
        if (!measure(cli, &latency))
            return give_up(cli, "PING", NULL);
        if (moving) {
            printf("\x1b[0G\x1b[2K");
            print_latency(&latency, CLI_TTY);
        }
        if (now_seconds() - begin >= span && (history || !moving)) {
            if (moving)
                printf(" -- %.2f seconds range\n", now_seconds() - begin);
            else
                print_latency(&latency, cli->options.style);
            if (!history)
                return 0;
            latency = (struct latency){0};
            begin = now_seconds();
        }
        sleep_seconds(0.01);
    }
}

/* --- big keys -------------------------------------------------------------- */

/* A type of value: how its size is asked for, and what was found so far. */
struct kind {
    const char *type;
    const char *command;
    const char *unit;
    int64_t     keys;
    int64_t     sum;
    int64_t     largest;
    char       *name;
    size_t      name_length;
};

static struct kind *find_kind(struct kind *kinds, size_t count, const struct mr_reply *type)
{
    for (size_t i = 0; i < count; i++) {
        if (mr_reply_is(type, kinds[i].type))
            return &kinds[i];
    }
    return NULL;
}

static void note_size(struct kind *kind, const struct mr_reply *key, int64_t size, double done)
{
    kind->keys++;
    kind->sum += size;
    if (size <= kind->largest && kind->name != NULL)
        return;
    kind->largest = size;
    kind->name = cli_memory(kind->name, key->length + 1);
    memcpy(kind->name, key->text, key->length);
    kind->name_length = key->length;
    printf("[%05.2f%%] Biggest %-6s found so far '", done, kind->type);
    cli_print_quoted(stdout, key->text, key->length);
    printf("' with %" PRId64 " %s\n", size, kind->unit);
}

/* Asks type and size of each key of a step, in two pipelines. False if the link broke. */
static bool weigh(struct cli *cli, const struct mr_reply *keys, struct kind *kinds, size_t count,
                  double done)
{
    struct kind **found = cli_memory(NULL, keys->count * sizeof *found);
    bool fine = true;

    for (size_t i = 0; i < keys->count; i++) {
        const char *words[] = {"TYPE", keys->children[i].text};
        size_t lengths[] = {4, keys->children[i].length};

        fine = fine && mr_link_say(cli->link, 2, words, lengths);
    }
    for (size_t i = 0; fine && i < keys->count; i++) {
        struct mr_reply *type;

        fine = mr_link_hear(cli->link, -1, &type) == MR_HEARD;
        found[i] = fine ? find_kind(kinds, count, type) : NULL;
        mr_reply_free(type);
    }
    for (size_t i = 0; fine && i < keys->count; i++) {
        const char *words[] = {found[i] != NULL ? found[i]->command : "EXISTS",
                               keys->children[i].text};
        size_t lengths[] = {strlen(words[0]), keys->children[i].length};

        fine = mr_link_say(cli->link, 2, words, lengths);
    }
    for (size_t i = 0; fine && i < keys->count; i++) {
        struct mr_reply *size;

        fine = mr_link_hear(cli->link, -1, &size) == MR_HEARD;
        if (fine && found[i] != NULL && size->type == MR_INTEGER)
            note_size(found[i], &keys->children[i], size->integer, done);
        mr_reply_free(size);
    }
    free(found);
    return fine;
}

static void print_big_keys(struct kind *kinds, size_t count)
{
    int64_t keys = 0;

    for (size_t i = 0; i < count; i++)
        keys += kinds[i].keys;
    printf("\n-------- summary -------\n\nSampled %" PRId64 " keys in the keyspace!\n\n", keys);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].keys == 0)
            continue;
        printf("Biggest %6s found '", kinds[i].type);
        cli_print_quoted(stdout, kinds[i].name, kinds[i].name_length);
        printf("' has %" PRId64 " %s\n", kinds[i].largest, kinds[i].unit);
    }
    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        double share = keys > 0 ? 100.0 * (double)kinds[i].keys / (double)keys : 0.0;
        double average = kinds[i].keys > 0 ? (double)kinds[i].sum / (double)kinds[i].keys : 0.0;

        printf("%" PRId64 " %ss with %" PRId64 " %s (%05.2f%% of keys, avg size %.2f)\n",
               kinds[i].keys, kinds[i].type, kinds[i].sum, kinds[i].unit, share, average);
        free(kinds[i].name);
    }
}

int cli_mode_big_keys(struct cli *cli)
{
    struct kind kinds[] = {{.type = "list", .command = "LLEN", .unit = "items"},
                           {.type = "hash", .command = "HLEN", .unit = "fields"},
                           {.type = "string", .command = "STRLEN", .unit = "bytes"},
                           {.type = "stream", .command = "XLEN", .unit = "entries"},
                           {.type = "set", .command = "SCARD", .unit = "members"},
                           {.type = "zset", .command = "ZCARD", .unit = "members"}};
    size_t count = sizeof kinds / sizeof kinds[0];
    char cursor[32] = "0";
    double seen = 0;
    bool more = true;

    if (!cli_connect(cli))
        return 1;

    struct mr_reply *total = mr_link_ask_words(cli->link, "DBSIZE", (char *)NULL);
    double all = total != NULL && total->integer > 0 ? (double)total->integer : 1.0;

    mr_reply_free(total);
    puts("\n# Looking at every key for the largest of each type. -i 0.1 rests after each step.\n");
    while (more) {
        struct mr_reply *reply = scan_step(cli, cursor);

        if (reply == NULL)
            return 1;
        double done = 100.0 * seen / all;

        if (!weigh(cli, &reply->children[1], kinds, count, done > 100.0 ? 100.0 : done))
            return give_up(cli, "looking at keys", reply);
        seen += (double)reply->children[1].count;
        more = next_cursor(reply, cursor, sizeof cursor);
        mr_reply_free(reply);
        if (cli->options.interval > 0)
            sleep_seconds(cli->options.interval);
    }
    print_big_keys(kinds, count);
    return 0;
}
