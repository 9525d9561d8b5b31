/*
 * The steps of a talk, in order, each against the server it needs.
 *
 * What always holds between talks:
 *   (1) no session but the control connection is open;
 *   (2) all databases are empty;
 *   (3) each option has the value the server started with.
 *
 * A wrong reply is told and the talk goes on, since replies and commands still
 * pair up; a reply that does not come at all ends the talk.
 */
#include "tests/wire/transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/wire/talk_run_private.h"

/* The folder that a talk brings along stands beside the file of the talk. */
static bool bring_files(const struct run *run, struct server *server, struct text *trouble)
{
    struct text from = { 0 };
    const char *slash = strrchr(run->script->path.at, '/');

    if (slash != NULL)
        text_add(&from, run->script->path.at, (size_t)(slash - run->script->path.at) + 1);
    text_say(&from, run->talk->files.at);
    bool copied = copy_tree(from.at, server_folder(server));
    if (!copied)
        text_print(trouble, "%s cannot be copied\n", from.at);
    text_clear(&from);
    return copied;
}

static struct server *start_server(struct run *run, const struct words *options,
                                   struct text *trouble)
{
    struct server_setup setup = { .program = run->transcript->setup.program,
                                  .oracle = run->transcript->setup.oracle,
                                  .options = options };
    struct server *server = server_new(&setup, trouble);

    if (server != NULL && ((run->talk->files.length > 0 && !bring_files(run, server, trouble)) ||
                           !server_start(server, trouble))) {
        server_free(server);
        return NULL;
    }
    return server;
}

static void take_steps(struct run *run)
{
    struct talk *talk = run->talk;
    bool record = run->transcript->setup.record;

    for (size_t i = 0; i < talk->count && !run->ended; i++) {
        run->step = &talk->steps[i];
        switch (run->step->kind) {
        case STEP_SAY:
            run_say(run, false);
            if (record)
                run_record_after(run);
            break;
        case STEP_WAIT:
            run_say(run, true);
            break;
        case STEP_UNTIL:
            run_say_until(run);
            i++;
            break;
        case STEP_HEAR:
            if (record && run->step->text.length == 0) {
                run->last = run_listener(run);
                run_record_one(run, &run->step->recorded, run->step->session, NULL);
            } else {
                run_hear(run);
            }
            break;
        case STEP_AOF:
            run_hear_aof(run);
            break;
        case STEP_ORDER:
            run_obey(run);
            break;
        }
    }
}

/* Leaves the shared server as the next talk wants to find it, or drops it. */
static void tidy(struct run *run)
{
    struct transcript *transcript = run->transcript;

    run->step = run->talk->count == 0 ? NULL : &run->talk->steps[run->talk->count - 1];
    run_close_all(run);
    if (server_runs(run->server))
        run_ask_control(run, "DEBUG SET-ACTIVE-EXPIRE 1", NULL);
    if (run->ended && !server_runs(run->server))
        run->told++;
    else if (transcript->setup.replay)
        run_replay(run);
    if (!run->talk->own_server) {
        run_restore_options(run);
        run_remove_users(run);
        run_ask_control(run, "FLUSHALL", NULL);
    }
    if (run->control.fd >= 0)
        close(run->control.fd);
    text_clear(&run->control.heard);
    captures_clear(&run->captures);
    words_clear(&run->restore);
    words_clear(&run->users);
    if (run->talk->own_server) {
        server_free(run->server);
    } else if (!server_runs(run->server)) {
        server_free(run->server);
        transcript->shared = NULL;
    }
}

static void add_option(struct words *options, const char *word)
{
    struct text text = { 0 };

    text_say(&text, word);
    options->at = need(options->at, (options->count + 1) * sizeof text);
    options->at[options->count++] = text;
}

static bool choose_server(struct run *run, struct text *trouble)
{
    struct transcript *transcript = run->transcript;

    if (run->talk->own_server) {
        /* The talk keeps the list, since it outlives its server. */
        struct words given = run->talk->options;

        run->talk->options = (struct words){ 0 };
        for (size_t i = 0; i < transcript->options.count; i++)
            add_option(&run->talk->options, transcript->options.at[i].at);
        for (size_t i = 0; i < given.count; i++)
            add_option(&run->talk->options, given.at[i].at);
        words_clear(&given);
        run->server = start_server(run, &run->talk->options, trouble);
    } else {
        if (transcript->shared == NULL)
            transcript->shared = start_server(run, &transcript->options, trouble);
        run->server = transcript->shared;
    }
    return run->server != NULL;
}

static void run_talk(struct run *run)
{
    struct text trouble = { 0 };

    if (!choose_server(run, &trouble)) {
        text_print(run->story, "%s: %s: %s", run->script->path.at, run->talk->title.at, trouble.at);
        run->told++;
    } else {
        if (!run->transcript->setup.without_aof)
            aof_tail_mark(&run->tail, server_folder(run->server));
        run->control.fd = server_connect(run->server);
        take_steps(run);
        tidy(run);
    }
    if (run->told > TOLD_AT_MOST)
        text_print(run->story, "  ... and %d more\n", run->told - TOLD_AT_MOST);
    text_clear(&trouble);
}

struct transcript *transcript_new(const struct transcript_setup *setup)
{
    struct transcript *transcript = need(NULL, sizeof *transcript);
    static const char *const with_aof[] = { "--appendonly", "yes", "--appendfsync", "no" };
    static const char *const for_all[] = { "--aof-use-rdb-preamble", "no", "--enable-debug-command",
                                           "yes" };

    *transcript = (struct transcript){ .setup = *setup };
    for (size_t i = 0; !setup->without_aof && i < 4; i++)
        add_option(&transcript->options, with_aof[i]);
    for (size_t i = 0; i < 4; i++)
        add_option(&transcript->options, for_all[i]);
    for (size_t i = 0; setup->options != NULL && i < setup->options->count; i++)
        add_option(&transcript->options, setup->options->at[i].at);
    return transcript;
}

void transcript_run(struct transcript *transcript, const char *path, struct text *story,
                    struct transcript_counts *counts)
{
    struct script script;

    if (!script_read(&script, path, story)) {
        counts->failed++;
        script_clear(&script);
        return;
    }
    for (size_t i = 0; i < script.count; i++) {
        struct run run = { .transcript = transcript,
                           .script = &script,
                           .talk = &script.talks[i],
                           .story = story,
                           .control = { .fd = -1 } };

        if ((run.talk->newer && transcript->setup.oracle) ||
            (run.talk->reads_aof && transcript->setup.without_aof)) {
            counts->skipped++;
            continue;
        }
        run_talk(&run);
        *(run.told > 0 ? &counts->failed : &counts->passed) += 1;
    }
    if (transcript->setup.record && !script_write(&script))
        text_print(story, "%s: cannot be written\n", path);
    script_clear(&script);
}

void transcript_free(struct transcript *transcript)
{
    server_free(transcript->shared);
    words_clear(&transcript->options);
    free(transcript);
}
