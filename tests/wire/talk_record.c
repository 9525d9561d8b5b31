/* Filling in what a talk does not yet expect. */
#include "tests/wire/talk_run_private.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Commands whose replies have no order of their own. */
static bool is_unordered(const char *line)
{
    static const char *const names[] = { "KEYS ",           "SMEMBERS ",
                                         "SINTER ",         "SUNION ",
                                         "SDIFF ",          "SPOP ",
                                         "PUBSUB CHANNELS", "PUBSUB SHARDCHANNELS" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* Leaves open what the clock decides: stream IDs and times in milliseconds of these days. */
static void open_times(struct text *line)
{
    struct text out = { 0 };
    char today[24];

    snprintf(today, sizeof today, "%ld", (long)time(NULL) / 10000);
    for (const char *at = line->at; *at != '\0';) {
        size_t digits = strspn(at, "0123456789");
        bool recent = digits == 13 && strncmp(at, today, strlen(today)) == 0;
        size_t rest = recent && at[13] == '-' ? strspn(at + 14, "0123456789") : 0;
        bool quoted = at > line->at && at[-1] == '"';

        if (recent && quoted && rest > 0 && at[14 + rest] == '"') {
            out.length--;
            text_say(&out, "<id>");
            at += 15 + rest;
        } else if (recent && !quoted && at[13] != '-') {
            text_say(&out, "<int>");
            at += 13;
        } else {
            text_add(&out, at, digits > 0 ? digits : 1);
            at += digits > 0 ? digits : 1;
        }
    }
    text_clear(line);
    *line = out;
}

void run_record_one(struct run *run, struct text *into, const char *prefix, const char *line)
{
    struct talk_reply reply;
    struct text laid_out = { 0 };
    enum hearing hearing = talker_hear(run->last, &reply, run->transcript->setup.patience_ms);

    if (hearing != HEARD) {
        run_end(run, run_silence(hearing), "something to record");
        return;
    }
    if (line != NULL && talk_reply_is_container(reply.kind) && reply.count > 1 &&
        is_unordered(line)) {
        text_say(&laid_out, "unordered ");
        talk_reply_sort(&reply);
    }
    talk_reply_lay_out(&reply, &laid_out, 2);
    open_times(&laid_out);
    text_print(into, "%s< %s\n", prefix, laid_out.at);
    text_clear(&laid_out);
    talk_reply_clear(&reply);
}

/* How many replies one command has: a line for each channel of SUBSCRIBE and kin. */
static size_t replies_of(const char *text)
{
    struct words words;
    size_t replies = 1;

    if (!words_split(&words, text))
        return 1;
    const char *name = words.count < 2 ? "" : words.at[0].at;
    const char *behind = strcasestr(name, "subscribe");
    if (behind != NULL && behind[9] == '\0')
        replies = words.count - 1;
    words_clear(&words);
    return replies;
}

static bool has_expectation(const struct run *run)
{
    const struct step *next = run->step + 1;

    if (next == run->talk->steps + run->talk->count)
        return false;
    if (next->kind == STEP_HEAR)
        return !next->named || strcmp(next->session, run->step->session) == 0;
    const char *whose = strchr(next->text.at, ' ');
    return next->kind == STEP_ORDER &&
           (strncmp(next->text.at, "quiet", 5) == 0 || strncmp(next->text.at, "closed", 6) == 0) &&
           strcmp(whose == NULL ? "" : whose + 1, run->step->session) == 0;
}

void run_record_after(struct run *run)
{
    struct step *step = run->step;

    if (run->ended || has_expectation(run))
        return;
    for (size_t left = replies_of(step->text.at); left > 0 && !run->ended; left--)
        run_record_one(run, &step->recorded, "", step->text.at);
}
