/*
 * torn: cuts the last AOF file at each of its last 300 bytes, starts a server on
 * it, and counts what came back: every complete statement, and no part of one.
 *
 *   torn --server PROGRAM [--oracle] [--bytes N]
 *
 * The statements are pushes to one list, so that its length tells how many were
 * loaded; some stand inside MULTI and EXEC, of which all count or none.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tests/wire/aof_tail.h"
#include "tests/wire/server.h"
#include "tests/wire/talker.h"

/* How far the file must reach for so many pushes to be whole. */
struct boundary {
    size_t end;
    long pushes;
};

struct torn {
    struct server *server;
    char folder[160];  /* the whole AOF directory, kept aside */
    char newest[256];  /* the last file, within the server's own directory */
    struct text bytes; /* its whole contents */
    struct boundary boundaries[512];
    size_t count;
};

static bool ask(struct talker *talker, const char *line, struct talk_reply *reply)
{
    if (talker_ask(talker, line, reply, 10000) == HEARD)
        return true;
    printf("torn: no reply to %s\n", line);
    return false;
}

/* Writes statements of many lengths, a transaction near the end among them. */
static bool fill(struct server *server)
{
    struct talker talker = { .fd = server_connect(server) };
    bool fine = true;

    for (int i = 1; fine && i <= 60; i++) {
        struct talk_reply reply;
        char line[256];

        if (i == 54)
            snprintf(line, sizeof line, "MULTI");
        else if (i == 57)
            snprintf(line, sizeof line, "EXEC");
        else
            snprintf(line, sizeof line, "RPUSH log \"%.*s%d\"", i % 7, "\\r\\n$3", i);
        fine = ask(&talker, line, &reply);
        if (fine)
            talk_reply_clear(&reply);
    }
    text_clear(&talker.heard);
    close(talker.fd);
    return fine;
}

/* Walks the whole file and notes after which byte how many pushes are complete. */
static bool note_boundaries(struct torn *torn)
{
    size_t at = 0;
    long pushes = 0;
    long inside = -1; /* pushes of the transaction under way, or -1 */

    while (at < torn->bytes.length) {
        struct talk_reply statement;
        size_t used;

        /* The server may put notes of its own between statements. */
        if (torn->bytes.at[at] == '#') {
            const char *end = memchr(torn->bytes.at + at, '\n', torn->bytes.length - at);
            at = end == NULL ? torn->bytes.length : (size_t)(end - torn->bytes.at) + 1;
            continue;
        }
        if (talk_reply_read(&statement, torn->bytes.at + at, torn->bytes.length - at, &used) !=
            REPLY_READY)
            return false;
        at += used;
        const char *name = statement.parts[0].text.at;
        if (strcasecmp(name, "MULTI") == 0)
            inside = 0;
        else if (strcasecmp(name, "RPUSH") == 0)
            *(inside >= 0 ? &inside : &pushes) += 1;
        else if (strcasecmp(name, "EXEC") == 0)
            pushes += inside, inside = -1;
        talk_reply_clear(&statement);
        if (inside < 0 && torn->count < sizeof torn->boundaries / sizeof *torn->boundaries)
            torn->boundaries[torn->count++] = (struct boundary){ .end = at, .pushes = pushes };
    }
    return torn->count > 0;
}

static long pushes_within(const struct torn *torn, size_t length)
{
    long pushes = 0;

    for (size_t i = 0; i < torn->count && torn->boundaries[i].end <= length; i++)
        pushes = torn->boundaries[i].pushes;
    return pushes;
}

static bool read_file(const char *path, struct text *bytes)
{
    char block[4096];
    size_t got;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return false;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        text_add(bytes, block, got);
    return fclose(file) == 0;
}

/* Starts the server on the file cut at `length`. Returns the length of the list, or -1. */
static long load_cut(struct torn *torn, size_t length)
{
    char directory[160];
    struct text trouble = { 0 };
    struct talk_reply reply;
    struct talker talker = { .fd = -1 };
    long pushes = -1;

    snprintf(directory, sizeof directory, "%s/appendonlydir", server_folder(torn->server));
    remove_tree(directory);
    if (!copy_tree(torn->folder, directory) || truncate(torn->newest, (off_t)length) != 0) {
        printf("torn: the AOF cannot be copied\n");
    } else if (!server_start(torn->server, &trouble)) {
        printf("torn: cut at %zu of %zu: %s\n", length, torn->bytes.length, trouble.at);
    } else {
        talker.fd = server_connect(torn->server);
        if (ask(&talker, "LLEN log", &reply)) {
            pushes = strtol(reply.text.at, NULL, 10);
            talk_reply_clear(&reply);
        }
        /* It must take writes again, and they must be there after the next start. */
        if (ask(&talker, "RPUSH log more", &reply))
            talk_reply_clear(&reply);
        text_clear(&talker.heard);
        close(talker.fd);
        server_crash(torn->server);
    }
    text_clear(&trouble);
    return pushes;
}

/* What was pushed after the cut was loaded must load together with what stood before it. */
static bool loads_again(struct torn *torn, long pushes)
{
    struct text trouble = { 0 };
    struct talk_reply reply;
    bool fine = server_start(torn->server, &trouble);

    if (!fine) {
        printf("torn: the second start: %s\n", trouble.at);
    } else {
        struct talker talker = { .fd = server_connect(torn->server) };

        fine = ask(&talker, "LLEN log", &reply);
        if (fine && strtol(reply.text.at, NULL, 10) != pushes + 1) {
            printf("torn: %ld and one more, the next start has %s\n", pushes, reply.text.at);
            fine = false;
        }
        talk_reply_clear(&reply);
        text_clear(&talker.heard);
        close(talker.fd);
        server_crash(torn->server);
    }
    text_clear(&trouble);
    return fine;
}

/* redis-server 7.0 leaves the MULTI of a torn transaction in the file: it swallows what follows. */
static int cut_everywhere(struct torn *torn, size_t bytes, bool oracle)
{
    int wrong = 0;
    size_t cuts = 0;

    for (; cuts <= bytes && cuts < torn->bytes.length; cuts++) {
        size_t length = torn->bytes.length - cuts;
        long expected = pushes_within(torn, length);
        long got = load_cut(torn, length);

        if (got != expected) {
            printf("  cut at %zu of %zu: %ld pushes, expected %ld\n", length, torn->bytes.length,
                   got, expected);
            wrong++;
        } else if (!oracle && cuts % 10 == 3 && !loads_again(torn, got)) {
            wrong++;
        }
    }
    printf("torn: %zu cuts, %d wrong\n", cuts, wrong);
    return wrong;
}

static bool prepare(struct torn *torn, const struct server_setup *setup)
{
    struct text trouble = { 0 };
    char directory[160];

    torn->server = server_new(setup, &trouble);
    if (torn->server == NULL || !server_start(torn->server, &trouble)) {
        printf("torn: %s\n", trouble.at);
        return false;
    }
    bool filled = fill(torn->server);
    server_crash(torn->server);
    snprintf(directory, sizeof directory, "%s/appendonlydir", server_folder(torn->server));
    snprintf(torn->folder, sizeof torn->folder, "%s/whole", server_folder(torn->server));
    return filled && copy_tree(directory, torn->folder) &&
           aof_newest(server_folder(torn->server), torn->newest, sizeof torn->newest) &&
           read_file(torn->newest, &torn->bytes) && note_boundaries(torn);
}

int main(int count, char **words)
{
    static const struct option options[] = { { "server", required_argument, NULL, 's' },
                                             { "oracle", no_argument, NULL, 'o' },
                                             { "bytes", required_argument, NULL, 'b' },
                                             { NULL, 0, NULL, 0 } };
    struct server_setup setup = { 0 };
    struct words more = { 0 };
    struct torn *torn = need(NULL, sizeof *torn);
    size_t bytes = 300;
    int option;
    int wrong = 1;

    *torn = (struct torn){ 0 };
    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        if (option == 's')
            setup.program = optarg;
        if (option == 'o')
            setup.oracle = true;
        if (option == 'b')
            bytes = strtoul(optarg, NULL, 10);
    }
    if (setup.program == NULL && setup.oracle)
        setup.program = "redis-server";
    if (setup.program == NULL || !words_split(&more, "--appendonly yes --appendfsync always")) {
        fputs("torn --server PROGRAM [--oracle] [--bytes N]\n", stderr);
        return 2;
    }
    setup.options = &more;
    if (prepare(torn, &setup))
        wrong = cut_everywhere(torn, bytes, setup.oracle);
    else
        printf("torn: no AOF to cut\n");
    server_free(torn->server);
    text_clear(&torn->bytes);
    words_clear(&more);
    free(torn);
    return wrong > 0;
}
