/* Loads what a talk left in the AOF into a second server and compares the two. */
#include "tests/wire/talk_run_private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a server answers, as text. */
static void ask(struct server *server, const char *words, struct text *answer)
{
    struct talker talker = { .fd = server_connect(server) };
    struct talk_reply reply;

    if (talker.fd < 0)
        return;
    if (talker_ask(&talker, words, &reply, 10000) == HEARD) {
        if (reply.text.at != NULL)
            text_add(answer, reply.text.at, reply.text.length);
        talk_reply_clear(&reply);
    }
    text_clear(&talker.heard);
    close(talker.fd);
}

/* A talk may be about a server without a log. */
static bool keeps_aof(struct server *server)
{
    struct text figures = { 0 };

    ask(server, "INFO persistence", &figures);
    bool kept = figures.at == NULL || strstr(figures.at, "aof_enabled:0") == NULL;
    text_clear(&figures);
    return kept;
}

/* Files come and go while the AOF is rewritten, so that is let end first. */
static bool copy_aof(struct server *server, const char *from, const char *to)
{
    for (int tries = 0; tries < 100; tries++) {
        struct text figures = { 0 };

        ask(server, "INFO persistence", &figures);
        bool quiet = figures.at == NULL || strstr(figures.at, "aof_rewrite_in_progress:1") == NULL;
        text_clear(&figures);
        remove_tree(to);
        if (quiet && copy_tree(from, to))
            return true;
        run_sleep(50);
    }
    return false;
}

/* Compares, and gives keys that are just expiring a second to do so in both. */
static bool digests_agree(struct server *first, struct server *second, struct text *line)
{
    for (int tries = 0; tries < 20; tries++) {
        struct text one = { 0 };
        struct text two = { 0 };

        ask(first, "DEBUG DIGEST WHOLE", &one);
        ask(second, "DEBUG DIGEST WHOLE", &two);
        bool agree = one.length == 40 && two.length == 40 && strcmp(one.at, two.at) == 0;
        text_clear(line);
        text_print(line, "%s, its replay %s", one.at == NULL ? "no digest" : one.at,
                   two.at == NULL ? "no digest" : two.at);
        text_clear(&one);
        text_clear(&two);
        if (agree)
            return true;
        run_sleep(50);
    }
    return false;
}

void run_replay(struct run *run)
{
    struct server_setup setup = { .program = run->transcript->setup.program,
                                  .oracle = run->transcript->setup.oracle,
                                  .options = &run->transcript->options };
    struct text trouble = { 0 };
    struct server *second;
    char from[160];
    char to[160];

    run->step = NULL;
    if (!keeps_aof(run->server))
        return;
    second = server_new(&setup, &trouble);
    snprintf(from, sizeof from, "%s/appendonlydir", server_folder(run->server));
    if (second != NULL) {
        snprintf(to, sizeof to, "%s/appendonlydir", server_folder(second));
        if (!copy_aof(run->server, from, to))
            run_tell(run, "replay: the AOF cannot be copied", "");
        else if (!server_start(second, &trouble))
            run_tell(run, "replay: ", trouble.at);
        else if (!digests_agree(run->server, second, &trouble))
            run_tell(run, "replay: the digest is ", trouble.at);
    }
    server_free(second);
    text_clear(&trouble);
}
