/* MULTI and EXEC of a log go through the same queue as those of a session. */
#include "broker/dispatch/replay.h"

#include "broker/session/sessions.h"
#include "storage/base/memory.h"

enum { SHOWN_MOST = 128 };

struct replay {
    struct caller   *caller;
    struct sessions *sessions;
    struct session  *session;
};

struct replay *replay_new(struct caller *caller, struct sessions *sessions)
{
    struct replay *replay = memory_new_zeroed(1, sizeof(*replay));

    replay->caller = caller;
    replay->sessions = sessions;
    replay->session = sessions_stand_in(sessions, caller_now(caller));
    /* What was counted when it was said is not counted again. */
    replay->session->uncounted = true;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (replay == NULL)
        return;
    sessions_end(replay->sessions, replay->session);
    memory_free(replay);
}

enum replayed replay_statement(struct replay *replay, const struct slice *words, size_t count,
                               struct trouble *trouble)
{
    struct session *session = replay->session;
    struct args args = { .words = words, .count = count };
    uint64_t errors = session->reply.errors;
    struct buffer heard = { 0 };

    if (command_find(words, count) == NULL) {
        size_t len = words[0].len < SHOWN_MOST ? words[0].len : SHOWN_MOST;

        (void)trouble_set(trouble, "Unknown command '%.*s' reading the append only file",
                          (int)len, words[0].at);
        return REPLAYED_NOT;
    }
    (void)caller_request(replay->caller, session, &args);
    if (LIKELY(session->reply.errors == errors)) {
        outbox_sent(session->reply.out, outbox_pending(session->reply.out));
        return REPLAYED;
    }
    outbox_copy_to(session->reply.out, &heard);
    outbox_sent(session->reply.out, outbox_pending(session->reply.out));
    (void)trouble_set(trouble, "'%.*s' answered: %.*s",
                      (int)(words[0].len < SHOWN_MOST ? words[0].len : SHOWN_MOST), words[0].at,
                      (int)(heard.len > 2 ? heard.len - 2 : 0), heard.at);
    buffer_clear(&heard);
    return REPLAYED_TO_ERROR;
}
