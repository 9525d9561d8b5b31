/* Saying commands and hearing what comes of them. */
#include "tests/wire/talk_run_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/wire/talk_pattern.h"

enum { AGAIN_MS = 10 }; /* between two tries of `until>` */

/* The words of a step's text, captures filled in. */
bool run_words(struct run *run, const char *text, struct words *words)
{
    struct text filled = { 0 };
    bool fine = captures_fill(&run->captures, text, &filled);

    if (!fine)
        run_end(run, "nothing was captured as ", filled.at);
    else if (!(fine = words_split(words, filled.at)))
        run_end(run, "a quote is never closed", "");
    text_clear(&filled);
    return fine;
}

/* CONFIG SET name value ...: notes what the values were. */
static void note_options(struct run *run, const struct words *words)
{
    if (run->talk->own_server || words->count < 4 || strcasecmp(words->at[0].at, "CONFIG") != 0 ||
        strcasecmp(words->at[1].at, "SET") != 0)
        return;
    for (size_t i = 2; i + 1 < words->count; i += 2) {
        struct text line = { 0 };
        struct text was = { 0 };

        text_say(&line, "CONFIG GET ");
        text_quote(&line, words->at[i].at, words->at[i].length);
        text_say(&was, "");
        struct talk_reply reply;
        if (run->control.fd < 0)
            run->control.fd = server_connect(run->server);
        enum hearing hearing =
            talker_ask(&run->control, line.at, &reply, run->transcript->setup.patience_ms);
        text_clear(&line);
        if (hearing == HEARD && reply.count == 2) {
            text_add(&was, reply.parts[1].text.at, reply.parts[1].text.length);
            run->restore.at =
                need(run->restore.at, (run->restore.count + 2) * sizeof *run->restore.at);
            text_say(&line, words->at[i].at);
            run->restore.at[run->restore.count++] = line;
            run->restore.at[run->restore.count++] = was;
        } else {
            text_clear(&was);
        }
        if (hearing == HEARD)
            talk_reply_clear(&reply);
    }
}

/* ACL SETUSER name ...: notes who is to be removed again. */
static void note_user(struct run *run, const struct words *words)
{
    struct text name = { 0 };

    if (run->talk->own_server || words->count < 3 || strcasecmp(words->at[0].at, "ACL") != 0 ||
        strcasecmp(words->at[1].at, "SETUSER") != 0)
        return;
    text_add(&name, words->at[2].at, words->at[2].length);
    run->users.at = need(run->users.at, (run->users.count + 1) * sizeof *run->users.at);
    run->users.at[run->users.count++] = name;
}

void run_remove_users(struct run *run)
{
    for (size_t i = 0; i < run->users.count; i++) {
        struct text line = { 0 };

        text_say(&line, "ACL DELUSER ");
        text_quote(&line, run->users.at[i].at, run->users.at[i].length);
        run_ask_control(run, line.at, NULL);
        text_clear(&line);
    }
    words_clear(&run->users);
}

void run_restore_options(struct run *run)
{
    for (size_t i = run->restore.count; i >= 2; i -= 2) {
        struct text line = { 0 };

        text_say(&line, "CONFIG SET ");
        text_quote(&line, run->restore.at[i - 2].at, run->restore.at[i - 2].length);
        text_say(&line, " ");
        text_quote(&line, run->restore.at[i - 1].at, run->restore.at[i - 1].length);
        run_ask_control(run, line.at, NULL);
        text_clear(&line);
    }
    words_clear(&run->restore);
}

void run_say(struct run *run, bool waits)
{
    struct talker *talker = run_talker(run, run->step->session);
    struct words words;

    run->last = talker;
    if (run->ended || !run_words(run, run->step->text.at, &words))
        return;
    note_options(run, &words);
    note_user(run, &words);
    long blocked = waits ? run_blocked(run) : 0;
    if (!talker_say(talker, &words))
        run_end(run, "the connection was closed before ", run->step->text.at);
    else if (waits && blocked >= 0)
        run_wait_for_blocked(run, blocked + 1, talker);
    else if (waits)
        run_sleep(20);
    words_clear(&words);
}

struct talker *run_listener(struct run *run)
{
    if (run->step->named)
        return run_talker(run, run->step->session);
    return run->last != NULL ? run->last : run_talker(run, "");
}

static struct pattern *pattern_of(struct run *run, const char *text)
{
    struct text filled = { 0 };
    struct text trouble = { 0 };
    struct pattern *pattern = NULL;

    if (!captures_fill(&run->captures, text, &filled))
        run_end(run, "nothing was captured as ", filled.at);
    else if ((pattern = pattern_new(filled.at, &trouble)) == NULL)
        run_end(run, "bad notation: ", trouble.at);
    text_clear(&filled);
    text_clear(&trouble);
    return pattern;
}

void run_hear(struct run *run)
{
    struct talk_reply reply;
    struct pattern *pattern = pattern_of(run, run->step->text.at);

    if (pattern == NULL)
        return;
    enum hearing hearing =
        talker_hear(run_listener(run), &reply, run->transcript->setup.patience_ms);
    if (hearing != HEARD) {
        run_end(run, run_silence(hearing), run->step->text.at);
    } else {
        if (!pattern_fits(pattern, &reply, &run->captures))
            run_tell_mismatch(run, run->step->text.at, &reply);
        talk_reply_clear(&reply);
    }
    pattern_free(pattern);
}

/* Says a command again and again until the reply is that of the step behind it. */
void run_say_until(struct run *run)
{
    struct step *hears = run->step + 1;
    struct talk_reply reply;
    bool fits = false;

    if (hears == run->talk->steps + run->talk->count || hears->kind != STEP_HEAR) {
        run_end(run, "until> without <", "");
        return;
    }
    struct pattern *pattern = pattern_of(run, hears->text.at);
    int patience_ms = run->transcript->setup.patience_ms;
    int most = patience_ms / AGAIN_MS;
    for (int tries = 0; pattern != NULL && !fits && tries < most && !run->ended; tries++) {
        run_say(run, false);
        enum hearing hearing = talker_hear(run->last, &reply, patience_ms);
        if (hearing != HEARD) {
            run_end(run, run_silence(hearing), hears->text.at);
            break;
        }
        fits = pattern_fits(pattern, &reply, &run->captures);
        if (!fits && tries + 1 == most)
            run_tell_mismatch(run, hears->text.at, &reply);
        talk_reply_clear(&reply);
        if (!fits)
            run_sleep(AGAIN_MS);
    }
    pattern_free(pattern);
}

void run_hear_aof(struct run *run)
{
    struct talk_reply statement;
    struct words words;

    if (run->transcript->setup.without_aof || !run_words(run, run->step->text.at, &words))
        return;
    if (!aof_tail_next(&run->tail, server_folder(run->server), run->transcript->setup.patience_ms,
                       &statement)) {
        run_end(run, "the AOF does not say ", run->step->text.at);
    } else {
        bool fits = statement.count == words.count;

        for (size_t i = 0; fits && i < words.count; i++)
            fits = pattern_fits_word(&words.at[i], &statement.parts[i].text);
        if (!fits)
            run_tell_mismatch(run, run->step->text.at, &statement);
        talk_reply_clear(&statement);
    }
    words_clear(&words);
}
