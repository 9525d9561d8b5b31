/* What the runner does itself: the lines that begin with an exclamation mark. */
#include "tests/wire/talk_run_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPEAT_BATCH = 200 };

static bool connect_control(struct run *run)
{
    run->control.fd = server_connect(run->server);
    return run->control.fd >= 0;
}

static void start_again(struct run *run, bool crash)
{
    struct text trouble = { 0 };

    run_close_all(run);
    if (run->control.fd >= 0)
        close(run->control.fd);
    text_clear(&run->control.heard);
    run->control.read_up_to = 0;
    run->control.fd = -1;
    if (crash)
        server_crash(run->server);
    else
        server_stop(run->server);
    if (!server_start(run->server, &trouble) || !connect_control(run))
        run_end(run, "", trouble.at == NULL ? "no connection after the restart" : trouble.at);
    text_clear(&trouble);
    aof_tail_mark(&run->tail, server_folder(run->server));
}

static void send_raw(struct run *run, const struct words *words)
{
    const struct text *name = &words->at[1];
    bool named = words->count > 2;
    const struct text *bytes = &words->at[words->count - 1];

    run->last = run_talker(run, named ? name->at : "");
    if (!talker_send(run->last, bytes->at, bytes->length))
        run_end(run, "the connection was closed while sending", "");
}

/* Replaces each %d by a number. */
static void number_word(const struct text *word, long number, struct text *out)
{
    const char *at = word->at;
    const char *end = at + word->length;

    text_say(out, "");
    while (at < end) {
        if (end - at >= 2 && memcmp(at, "%d", 2) == 0) {
            text_print(out, "%ld", number);
            at += 2;
        } else {
            text_add(out, at++, 1);
        }
    }
}

static bool hear_repeated(struct run *run, long count)
{
    for (long i = 0; i < count; i++) {
        struct talk_reply reply;
        enum hearing hearing = talker_hear(run->last, &reply, run->transcript->setup.patience_ms);

        if (hearing != HEARD) {
            run_end(run, run_silence(hearing), "a reply to each");
            return false;
        }
        if (reply.kind == REPLY_ERROR)
            run_end(run, "repeated: ", reply.text.at);
        talk_reply_clear(&reply);
        if (run->ended)
            return false;
    }
    return true;
}

/* !repeat COUNT [session>] WORDS: %d counts from 1. */
static void repeat(struct run *run, const struct words *words)
{
    size_t first = 2;
    long count = words->count > 2 ? strtol(words->at[1].at, NULL, 10) : 0;
    const struct text *name = words->count > 2 ? &words->at[2] : NULL;
    char session[24] = "";

    if (name != NULL && name->length > 1 && name->length < sizeof session &&
        name->at[name->length - 1] == '>') {
        memcpy(session, name->at, name->length - 1);
        first = 3;
    }
    run->last = run_talker(run, session);
    for (long done = 0; done < count && !run->ended;) {
        struct text requests = { 0 };
        long batch = count - done < REPEAT_BATCH ? count - done : REPEAT_BATCH;

        for (long i = 1; i <= batch; i++) {
            struct words filled = { 0 };

            filled.at = need(NULL, words->count * sizeof *filled.at);
            for (size_t j = first; j < words->count; j++) {
                filled.at[filled.count] = (struct text){ 0 };
                number_word(&words->at[j], done + i, &filled.at[filled.count++]);
            }
            words_encode(&filled, &requests);
            words_clear(&filled);
        }
        if (!talker_send(run->last, requests.at, requests.length))
            run_end(run, "the connection was closed while repeating", "");
        text_clear(&requests);
        if (!run->ended && !hear_repeated(run, batch))
            return;
        done += batch;
    }
}

/* Asserts that nothing has come for a session that was not heard. */
static void expect_quiet(struct run *run, struct talker *talker)
{
    struct talk_reply reply;

    run_ask_control(run, "PING", NULL);
    run_ask_control(run, "PING", NULL);
    if (talker_hear(talker, &reply, 20) == HEARD) {
        struct text line = { 0 };

        talk_reply_print(&reply, &line);
        run_tell(run, "expected nothing, got ", line.at);
        text_clear(&line);
        talk_reply_clear(&reply);
    }
}

static void expect_closed(struct run *run, struct talker *talker)
{
    struct talk_reply reply;
    enum hearing hearing = talker_hear(talker, &reply, run->transcript->setup.patience_ms);

    if (hearing == HEARD) {
        struct text line = { 0 };

        talk_reply_print(&reply, &line);
        run_tell(run, "expected the connection to be closed, got ", line.at);
        text_clear(&line);
        talk_reply_clear(&reply);
    } else if (hearing != HEARD_CLOSED) {
        run_tell(run, "the connection was not closed", "");
    }
    if (hearing == HEARD_CLOSED) {
        close(talker->fd);
        talker->fd = -1;
    }
}

static void speak_resp3(struct run *run, struct talker *talker)
{
    struct talk_reply reply;

    run->last = talker;
    if (talker_ask(talker, "HELLO 3", &reply, run->transcript->setup.patience_ms) != HEARD) {
        run_end(run, "no reply to HELLO 3", "");
        return;
    }
    if (reply.kind != REPLY_MAP)
        run_tell_mismatch(run, "{...}", &reply);
    talk_reply_clear(&reply);
}

void run_obey(struct run *run)
{
    struct words words;

    if (!run_words(run, run->step->text.at, &words))
        return;
    const char *order = words.count > 0 ? words.at[0].at : "";
    const char *argument = words.count > 1 ? words.at[1].at : "";

    if (strcmp(order, "crash") == 0 || strcmp(order, "restart") == 0) {
        start_again(run, order[0] == 'c');
    } else if (strcmp(order, "sleep") == 0) {
        run_sleep(strtol(argument, NULL, 10));
    } else if (strcmp(order, "raw") == 0 && words.count > 1) {
        send_raw(run, &words);
    } else if (strcmp(order, "repeat") == 0) {
        repeat(run, &words);
    } else if (strcmp(order, "resp3") == 0) {
        speak_resp3(run, run_talker(run, argument));
    } else if (strcmp(order, "quiet") == 0) {
        expect_quiet(run, run_talker(run, argument));
    } else if (strcmp(order, "closed") == 0) {
        expect_closed(run,
                      words.count > 1 || run->last == NULL ? run_talker(run, argument) : run->last);
    } else if (strcmp(order, "close") == 0) {
        struct talk_reply left;

        if (talker_close(run_talker(run, argument), &left))
            talk_reply_clear(&left);
    } else if (strcmp(order, "blocked") == 0) {
        run_wait_for_blocked(run, strtol(argument, NULL, 10), NULL);
    } else if (strcmp(order, "own") != 0 && strcmp(order, "options") != 0 &&
               strcmp(order, "files") != 0) {
        run_end(run, "unknown order !", run->step->text.at);
    }
    words_clear(&words);
}
