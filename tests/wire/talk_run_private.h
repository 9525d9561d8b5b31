/* One talk under way, shared by the files that play it: transcript.c and talk_*.c. */
#ifndef TESTS_WIRE_TALK_RUN_PRIVATE_H
#define TESTS_WIRE_TALK_RUN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/aof_tail.h"
#include "tests/wire/server.h"
#include "tests/wire/talk_pattern.h"
#include "tests/wire/talk_script.h"
#include "tests/wire/talker.h"
#include "tests/wire/transcript.h"

enum { TALKERS = 24, TOLD_AT_MOST = 6 };

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
    struct words users;   /* those it made, to be removed */
    struct aof_tail tail;
    struct script *script;
    struct talk *talk;
    struct step *step;
    struct text *story;
    int told;
    bool ended; /* nothing more can come of this talk */
};

/* Waits so many milliseconds. */
void run_sleep(long ms);

/* Tells one thing that went wrong, with the step's place in front. */
void run_tell(struct run *run, const char *what, const char *detail);

/* Tells it and gives the talk up. */
void run_end(struct run *run, const char *what, const char *detail);

/* Tells that another reply came than was expected. */
void run_tell_mismatch(struct run *run, const char *expected, const struct talk_reply *got);

/* Why no reply came, as the beginning of a sentence. */
const char *run_silence(enum hearing hearing);

/* The session of a name, connected if it was not. */
struct talker *run_talker(struct run *run, const char *name);

/* Ends every session; a reply that was never heard is told. */
void run_close_all(struct run *run);

/* Says something on the control connection; the reply's text is appended to `answer`, if given. */
void run_ask_control(struct run *run, const char *line, struct text *answer);

/* The server's own count of blocked sessions, or -1 if it does not tell. */
long run_blocked(struct run *run);

/* Waits until so many are blocked; gives up at once if `talker` gets a reply instead. */
bool run_wait_for_blocked(struct run *run, long wanted, struct talker *talker);

/* The words of a text, captures filled in. False, the talk given up, if that cannot be. */
bool run_words(struct run *run, const char *text, struct words *words);

/* The kinds of steps. */
void run_say(struct run *run, bool waits);
void run_say_until(struct run *run);
void run_hear(struct run *run);
void run_hear_aof(struct run *run);
void run_obey(struct run *run);

/* The session that the step at hand listens to. */
struct talker *run_listener(struct run *run);

/* Puts back the options that the talk has set. */
void run_restore_options(struct run *run);

/* Removes the users that the talk made on a shared server. */
void run_remove_users(struct run *run);

/* Hears one reply and writes it down as an expectation; `line` is the command, if known. */
void run_record_one(struct run *run, struct text *into, const char *prefix, const char *line);

/* Writes down what the command at hand is answered, unless the talk says so itself. */
void run_record_after(struct run *run);

/* Loads the AOF into a second server and tells if the digests differ. */
void run_replay(struct run *run);

#endif
