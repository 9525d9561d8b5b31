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

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "tests/wire/aof_tail.h"
#include "tests/wire/server.h"
#include "tests/wire/talk_pattern.h"
#include "tests/wire/talk_script.h"
#include "tests/wire/talker.h"

enum { TALKERS = 24, TOLD_AT_MOST = 6, REPEAT_BATCH = 200 };

struct transcript {
    struct transcript_setup setup;
    struct words options;  /* every server is started with these */
    struct server *shared; /* NULL until the first talk, and after it died */
};

/* One talk under way. */
struct run {
    struct transcript *transcript;
    struct server *server;
    struct talker control;
    struct talker talkers[TALKERS];
    size_t talker_count;
    struct talker *last; /* who spoke last: a bare "<" listens to them */
    struct captures captures;
    struct words restore; /* name, value, name, value: options to put back */
    struct aof_tail tail;
    struct script *script;
    struct talk *talk;
    struct step *step;
    struct text *story;
    int told;
    bool ended; /* nothing more can come of this talk */
};

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

/* ---- telling what went wrong ---- */

static void tell(struct run *run, const char *what, const char *detail)
{
    if (run->told++ == 0)
        text_print(run->story, "%s: %s\n", run->script->path.at, run->talk->title.at);
    if (run->told > TOLD_AT_MOST)
        return;
    text_print(run->story, "  %s:%zu: %s%s\n", run->script->path.at,
               run->step == NULL ? 0 : run->step->line, what, detail);
}

static void end_with(struct run *run, const char *what, const char *detail)
{
    tell(run, what, detail);
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

static void tell_mismatch(struct run *run, const char *expected, const struct talk_reply *got)
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
    tell(run, "", line.at);
    text_clear(&line);
}

static const char *silence(enum hearing hearing)
{
    return hearing == HEARD_CLOSED     ? "the connection was closed, expected "
           : hearing == HEARD_NONSENSE ? "bytes that are no reply, expected "
                                       : "no reply came, expected ";
}

/* ---- sessions ---- */

static struct talker *talker_of(struct run *run, const char *name)
{
    struct talker *talker = NULL;

    for (size_t i = 0; i < run->talker_count; i++) {
        if (strcmp(run->talkers[i].name, name) == 0)
            talker = &run->talkers[i];
    }
    if (talker == NULL) {
        if (run->talker_count == TALKERS) {
            end_with(run, "too many sessions", "");
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

static void close_all(struct run *run)
{
    struct talk_reply left;

    for (size_t i = 0; i < run->talker_count; i++) {
        if (talker_close(&run->talkers[i], &left)) {
            struct text line = { 0 };

            text_print(&line, "%s: ", run->talkers[i].name);
            talk_reply_print(&left, &line);
            if (!run->transcript->setup.record)
                tell(run, "never heard by ", line.at);
            text_clear(&line);
            talk_reply_clear(&left);
        }
    }
    run->talker_count = 0;
    run->last = NULL;
}

static void ask_control(struct run *run, const char *line, struct text *answer)
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
static long blocked_sessions(struct run *run)
{
    struct text info = { 0 };
    long blocked = -1;

    ask_control(run, "INFO clients", &info);
    const char *line = info.at == NULL ? NULL : strstr(info.at, "blocked_clients:");
    if (line != NULL)
        blocked = strtol(line + strlen("blocked_clients:"), NULL, 10);
    text_clear(&info);
    return blocked;
}

static bool wait_for_blocked(struct run *run, long wanted, const struct talker *talker)
{
    for (int tries = 0; tries < 1000; tries++) {
        long blocked = blocked_sessions(run);

        if (blocked >= wanted)
            return true;
        if (blocked < 0)
            break;
        if (talker != NULL) {
            struct talk_reply reply;

            if (talker_hear((struct talker *)talker, &reply, 0) == HEARD) {
                struct text line = { 0 };

                talk_reply_print(&reply, &line);
                end_with(run, "it did not wait but answered ", line.at);
                text_clear(&line);
                talk_reply_clear(&reply);
                return false;
            }
        }
        sleep_ms(2);
    }
    end_with(run, "the server does not show it as blocked", "");
    return false;
}

/* ---- saying ---- */

/* The words of a step's text, captures filled in. */
static bool words_of(struct run *run, const char *text, struct words *words)
{
    struct text filled = { 0 };
    bool fine = captures_fill(&run->captures, text, &filled);

    if (!fine)
        end_with(run, "nothing was captured as ", filled.at);
    else if (!(fine = words_split(words, filled.at)))
        end_with(run, "a quote is never closed", "");
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

static void restore_options(struct run *run)
{
    for (size_t i = run->restore.count; i >= 2; i -= 2) {
        struct text line = { 0 };

        text_say(&line, "CONFIG SET ");
        text_quote(&line, run->restore.at[i - 2].at, run->restore.at[i - 2].length);
        text_say(&line, " ");
        text_quote(&line, run->restore.at[i - 1].at, run->restore.at[i - 1].length);
        ask_control(run, line.at, NULL);
        text_clear(&line);
    }
    words_clear(&run->restore);
}

static void say(struct run *run, bool waits)
{
    struct talker *talker = talker_of(run, run->step->session);
    struct words words;

    run->last = talker;
    if (run->ended || !words_of(run, run->step->text.at, &words))
        return;
    note_options(run, &words);
    long blocked = waits ? blocked_sessions(run) : 0;
    if (!talker_say(talker, &words))
        end_with(run, "the connection was closed before ", run->step->text.at);
    else if (waits && blocked >= 0)
        wait_for_blocked(run, blocked + 1, talker);
    else if (waits)
        sleep_ms(20);
    words_clear(&words);
}

/* ---- hearing ---- */

static struct talker *listener(struct run *run)
{
    if (run->step->named)
        return talker_of(run, run->step->session);
    return run->last != NULL ? run->last : talker_of(run, "");
}

static struct pattern *pattern_of(struct run *run, const char *text)
{
    struct text filled = { 0 };
    struct text trouble = { 0 };
    struct pattern *pattern = NULL;

    if (!captures_fill(&run->captures, text, &filled))
        end_with(run, "nothing was captured as ", filled.at);
    else if ((pattern = pattern_new(filled.at, &trouble)) == NULL)
        end_with(run, "bad notation: ", trouble.at);
    text_clear(&filled);
    text_clear(&trouble);
    return pattern;
}

static void hear(struct run *run)
{
    struct talk_reply reply;
    struct pattern *pattern = pattern_of(run, run->step->text.at);

    if (pattern == NULL)
        return;
    enum hearing hearing = talker_hear(listener(run), &reply, run->transcript->setup.patience_ms);
    if (hearing != HEARD) {
        end_with(run, silence(hearing), run->step->text.at);
    } else {
        if (!pattern_fits(pattern, &reply, &run->captures))
            tell_mismatch(run, run->step->text.at, &reply);
        talk_reply_clear(&reply);
    }
    pattern_free(pattern);
}

/* Says a command again and again until the reply is that of the step behind it. */
static void say_until(struct run *run)
{
    struct step *hears = run->step + 1;
    struct talk_reply reply;
    bool fits = false;

    if (hears == run->talk->steps + run->talk->count || hears->kind != STEP_HEAR) {
        end_with(run, "until> without <", "");
        return;
    }
    struct pattern *pattern = pattern_of(run, hears->text.at);
    for (int tries = 0; pattern != NULL && !fits && tries < 500 && !run->ended; tries++) {
        say(run, false);
        enum hearing hearing = talker_hear(run->last, &reply, run->transcript->setup.patience_ms);
        if (hearing != HEARD) {
            end_with(run, silence(hearing), hears->text.at);
            break;
        }
        fits = pattern_fits(pattern, &reply, &run->captures);
        if (!fits && tries == 499)
            tell_mismatch(run, hears->text.at, &reply);
        talk_reply_clear(&reply);
        if (!fits)
            sleep_ms(10);
    }
    pattern_free(pattern);
}

static void hear_aof(struct run *run)
{
    struct talk_reply statement;
    struct words words;

    if (run->transcript->setup.without_aof || !words_of(run, run->step->text.at, &words))
        return;
    if (!aof_tail_next(&run->tail, server_folder(run->server), &statement)) {
        end_with(run, "the AOF does not say ", run->step->text.at);
    } else {
        bool fits = statement.count == words.count;

        for (size_t i = 0; fits && i < words.count; i++)
            fits = pattern_fits_word(&words.at[i], &statement.parts[i].text);
        if (!fits)
            tell_mismatch(run, run->step->text.at, &statement);
        talk_reply_clear(&statement);
    }
    words_clear(&words);
}

/* ---- recording ---- */

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

static void record_one(struct run *run, struct text *into, const char *prefix, const char *line)
{
    struct talk_reply reply;
    struct text laid_out = { 0 };
    enum hearing hearing = talker_hear(run->last, &reply, run->transcript->setup.patience_ms);

    if (hearing != HEARD) {
        end_with(run, silence(hearing), "something to record");
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

static void record_after(struct run *run)
{
    struct step *step = run->step;

    if (run->ended || has_expectation(run))
        return;
    for (size_t left = replies_of(step->text.at); left > 0 && !run->ended; left--)
        record_one(run, &step->recorded, "", step->text.at);
}

/* ---- orders ---- */

static bool connect_control(struct run *run)
{
    run->control.fd = server_connect(run->server);
    return run->control.fd >= 0;
}

static void start_again(struct run *run, bool crash)
{
    struct text trouble = { 0 };

    close_all(run);
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
        end_with(run, "", trouble.at == NULL ? "no connection after the restart" : trouble.at);
    text_clear(&trouble);
    aof_tail_mark(&run->tail, server_folder(run->server));
}

static void send_raw(struct run *run, const struct words *words)
{
    const struct text *name = &words->at[1];
    bool named = words->count > 2;
    const struct text *bytes = &words->at[words->count - 1];

    run->last = talker_of(run, named ? name->at : "");
    if (!talker_send(run->last, bytes->at, bytes->length))
        end_with(run, "the connection was closed while sending", "");
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
            end_with(run, silence(hearing), "a reply to each");
            return false;
        }
        if (reply.kind == REPLY_ERROR)
            end_with(run, "repeated: ", reply.text.at);
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
    run->last = talker_of(run, session);
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
            end_with(run, "the connection was closed while repeating", "");
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

    ask_control(run, "PING", NULL);
    ask_control(run, "PING", NULL);
    if (talker_hear(talker, &reply, 20) == HEARD) {
        struct text line = { 0 };

        talk_reply_print(&reply, &line);
        tell(run, "expected nothing, got ", line.at);
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
        tell(run, "expected the connection to be closed, got ", line.at);
        text_clear(&line);
        talk_reply_clear(&reply);
    } else if (hearing != HEARD_CLOSED) {
        tell(run, "the connection was not closed", "");
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
        end_with(run, "no reply to HELLO 3", "");
        return;
    }
    if (reply.kind != REPLY_MAP)
        tell_mismatch(run, "{...}", &reply);
    talk_reply_clear(&reply);
}

static void obey(struct run *run)
{
    struct words words;

    if (!words_of(run, run->step->text.at, &words))
        return;
    const char *order = words.count > 0 ? words.at[0].at : "";
    const char *argument = words.count > 1 ? words.at[1].at : "";

    if (strcmp(order, "crash") == 0 || strcmp(order, "restart") == 0) {
        start_again(run, order[0] == 'c');
    } else if (strcmp(order, "sleep") == 0) {
        sleep_ms(strtol(argument, NULL, 10));
    } else if (strcmp(order, "raw") == 0 && words.count > 1) {
        send_raw(run, &words);
    } else if (strcmp(order, "repeat") == 0) {
        repeat(run, &words);
    } else if (strcmp(order, "resp3") == 0) {
        speak_resp3(run, talker_of(run, argument));
    } else if (strcmp(order, "quiet") == 0) {
        expect_quiet(run, talker_of(run, argument));
    } else if (strcmp(order, "closed") == 0) {
        expect_closed(run,
                      words.count > 1 || run->last == NULL ? talker_of(run, argument) : run->last);
    } else if (strcmp(order, "close") == 0) {
        struct talk_reply left;

        if (talker_close(talker_of(run, argument), &left))
            talk_reply_clear(&left);
    } else if (strcmp(order, "blocked") == 0) {
        wait_for_blocked(run, strtol(argument, NULL, 10), NULL);
    } else if (strcmp(order, "own") != 0 && strcmp(order, "options") != 0) {
        end_with(run, "unknown order !", run->step->text.at);
    }
    words_clear(&words);
}

/* ---- replay ---- */

static void digest_of(struct server *server, struct text *digest)
{
    struct talker talker = { .fd = server_connect(server) };
    struct talk_reply reply;

    if (talker.fd < 0)
        return;
    if (talker_ask(&talker, "DEBUG DIGEST", &reply, 10000) == HEARD) {
        if (reply.text.at != NULL)
            text_add(digest, reply.text.at, reply.text.length);
        talk_reply_clear(&reply);
    }
    text_clear(&talker.heard);
    close(talker.fd);
}

/* Compares, and gives keys that are just expiring a second to do so in both. */
static bool digests_agree(struct server *first, struct server *second, struct text *line)
{
    for (int tries = 0; tries < 20; tries++) {
        struct text one = { 0 };
        struct text two = { 0 };

        digest_of(first, &one);
        digest_of(second, &two);
        bool agree = one.length == 40 && two.length == 40 && strcmp(one.at, two.at) == 0;
        text_clear(line);
        text_print(line, "%s, its replay %s", one.at == NULL ? "no digest" : one.at,
                   two.at == NULL ? "no digest" : two.at);
        text_clear(&one);
        text_clear(&two);
        if (agree)
            return true;
        sleep_ms(50);
    }
    return false;
}

static void replay(struct run *run)
{
    struct server_setup setup = { .program = run->transcript->setup.program,
                                  .oracle = run->transcript->setup.oracle,
                                  .options = &run->transcript->options };
    struct text trouble = { 0 };
    struct server *second = server_new(&setup, &trouble);
    char from[160];
    char to[160];

    run->step = NULL;
    snprintf(from, sizeof from, "%s/appendonlydir", server_folder(run->server));
    if (second != NULL) {
        snprintf(to, sizeof to, "%s/appendonlydir", server_folder(second));
        if (!copy_tree(from, to))
            tell(run, "replay: the AOF cannot be copied", "");
        else if (!server_start(second, &trouble))
            tell(run, "replay: ", trouble.at);
        else if (!digests_agree(run->server, second, &trouble))
            tell(run, "replay: the digest is ", trouble.at);
    }
    server_free(second);
    text_clear(&trouble);
}

/* ---- the whole of a talk ---- */

static struct server *start_server(struct transcript *transcript, const struct words *options,
                                   struct text *trouble)
{
    struct server_setup setup = { .program = transcript->setup.program,
                                  .oracle = transcript->setup.oracle,
                                  .options = options };
    struct server *server = server_new(&setup, trouble);

    if (server != NULL && !server_start(server, trouble)) {
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
            say(run, false);
            if (record)
                record_after(run);
            break;
        case STEP_WAIT:
            say(run, true);
            break;
        case STEP_UNTIL:
            say_until(run);
            i++;
            break;
        case STEP_HEAR:
            if (record && run->step->text.length == 0) {
                run->last = listener(run);
                record_one(run, &run->step->recorded, run->step->session, NULL);
            } else {
                hear(run);
            }
            break;
        case STEP_AOF:
            hear_aof(run);
            break;
        case STEP_ORDER:
            obey(run);
            break;
        }
    }
}

/* Leaves the shared server as the next talk wants to find it, or drops it. */
static void tidy(struct run *run)
{
    struct transcript *transcript = run->transcript;

    run->step = run->talk->count == 0 ? NULL : &run->talk->steps[run->talk->count - 1];
    close_all(run);
    if (server_runs(run->server))
        ask_control(run, "DEBUG SET-ACTIVE-EXPIRE 1", NULL);
    if (run->ended && !server_runs(run->server))
        run->told++;
    else if (transcript->setup.replay)
        replay(run);
    if (!run->talk->own_server) {
        restore_options(run);
        ask_control(run, "FLUSHALL", NULL);
    }
    if (run->control.fd >= 0)
        close(run->control.fd);
    text_clear(&run->control.heard);
    captures_clear(&run->captures);
    words_clear(&run->restore);
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
        run->server = start_server(transcript, &run->talk->options, trouble);
    } else {
        if (transcript->shared == NULL)
            transcript->shared = start_server(transcript, &transcript->options, trouble);
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
