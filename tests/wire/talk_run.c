/* A talk under way: its sessions, and telling what went wrong. */
#include "tests/wire/talk_run_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void run_sleep(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

void run_tell(struct run *run, const char *what, const char *detail)
{
    if (run->told++ == 0)
        text_print(run->story, "%s: %s\n", run->script->path.at, run->talk->title.at);
    if (run->told > TOLD_AT_MOST)
        return;
    text_print(run->story, "  %s:%zu: %s%s\n", run->script->path.at,
               run->step == NULL ? 0 : run->step->line, what, detail);
}

void run_end(struct run *run, const char *what, const char *detail)
{
    run_tell(run, what, detail);
    run->ended = true;
    if (!server_runs(run->server)) {
        text_say(run->story, "  the server is gone; its log ends with:\n");
        server_log_end(run->server, run->story);
    }
}

/* Nobody reads a whole INFO in a failure. */
static void shorten(struct text *line)
{
    enum { READABLE = 1500 };

    if (line->length > READABLE) {
        line->length = READABLE;
        text_say(line, " ...");
    }
}

void run_tell_mismatch(struct run *run, const char *expected, const struct talk_reply *got)
{
    struct text line = { 0 };
    size_t i = (size_t)(run->step - run->talk->steps);

    while (i > 0 && run->talk->steps[i].kind != STEP_SAY && run->talk->steps[i].kind != STEP_WAIT &&
           run->talk->steps[i].kind != STEP_UNTIL)
        i--;
    if (run->talk->steps[i].kind != STEP_HEAR && run->talk->steps[i].kind != STEP_AOF)
        text_print(&line, "%s> %.300s", run->talk->steps[i].session, run->talk->steps[i].text.at);
    text_print(&line, "\n    expected  %s\n    got       ", expected);
    talk_reply_print(got, &line);
    shorten(&line);
    run_tell(run, "", line.at);
    text_clear(&line);
}

const char *run_silence(enum hearing hearing)
{
    return hearing == HEARD_CLOSED     ? "the connection was closed, expected "
           : hearing == HEARD_NONSENSE ? "bytes that are no reply, expected "
                                       : "no reply came, expected ";
}

struct talker *run_talker(struct run *run, const char *name)
{
    struct talker *talker = NULL;

    for (size_t i = 0; i < run->talker_count; i++) {
        if (strcmp(run->talkers[i].name, name) == 0)
            talker = &run->talkers[i];
    }
    if (talker == NULL) {
        if (run->talker_count == TALKERS) {
            run_end(run, "too many sessions", "");
            return &run->talkers[0];
        }
        talker = &run->talkers[run->talker_count++];
        *talker = (struct talker){ .fd = -1 };
        snprintf(talker->name, sizeof talker->name, "%s", name);
    }
    if (talker->fd < 0) {
        text_clear(&talker->heard);
        talker->read_up_to = 0;
        talker->fd = server_connect(run->server);
    }
    return talker;
}

void run_close_all(struct run *run)
{
    struct talk_reply left;

    for (size_t i = 0; i < run->talker_count; i++) {
        if (talker_close(&run->talkers[i], &left)) {
            struct text line = { 0 };

            text_print(&line, "%s: ", run->talkers[i].name);
            talk_reply_print(&left, &line);
            if (!run->transcript->setup.record)
                run_tell(run, "never heard by ", line.at);
            text_clear(&line);
            talk_reply_clear(&left);
        }
    }
    run->talker_count = 0;
    run->last = NULL;
}

void run_ask_control(struct run *run, const char *line, struct text *answer)
{
    struct talk_reply reply;

    if (run->control.fd < 0)
        run->control.fd = server_connect(run->server);
    if (talker_ask(&run->control, line, &reply, run->transcript->setup.patience_ms) != HEARD)
        return;
    if (answer != NULL && reply.text.at != NULL)
        text_add(answer, reply.text.at, reply.text.length);
    else if (answer != NULL && reply.count == 2 && reply.parts[1].text.at != NULL)
        text_add(answer, reply.parts[1].text.at, reply.parts[1].text.length);
    talk_reply_clear(&reply);
}

/* The server's own count of blocked sessions, or -1 if it does not tell. */
long run_blocked(struct run *run)
{
    struct text info = { 0 };
    long blocked = -1;

    run_ask_control(run, "INFO clients", &info);
    const char *line = info.at == NULL ? NULL : strstr(info.at, "blocked_clients:");
    if (line != NULL)
        blocked = strtol(line + strlen("blocked_clients:"), NULL, 10);
    text_clear(&info);
    return blocked;
}

bool run_wait_for_blocked(struct run *run, long wanted, struct talker *talker)
{
    for (int waited = 0; waited < run->transcript->setup.patience_ms; waited += 2) {
        long blocked = run_blocked(run);

        if (blocked >= wanted)
            return true;
        if (blocked < 0)
            break;
        if (talker != NULL) {
            struct talk_reply reply;

            if (talker_hear(talker, &reply, 0) == HEARD) {
                struct text line = { 0 };

                talk_reply_print(&reply, &line);
                run_end(run, "it did not wait but answered ", line.at);
                text_clear(&line);
                talk_reply_clear(&reply);
                return false;
            }
        }
        run_sleep(2);
    }
    run_end(run, "the server does not show it as blocked", "");
    return false;
}
