/* Users by name, and the sessions that stand for them. */
#include "broker/acl/acl.h"

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/session/sessions.h"
#include "broker/session/subscription.h"
#include "storage/base/file.h"
#include "storage/base/memory.h"

enum { LARGEST_FILE = 64 * 1024 * 1024 };

struct acl {
    const struct options *options;
    struct users         *users;
    struct acl_log       *log;
    struct metrics       *metrics;
    struct sessions      *sessions;
};

static struct slice password_of(const struct options *options)
{
    return slice_of(options->requirepass.at, options->requirepass.len);
}

struct acl *acl_new(const struct options *options, struct metrics *metrics)
{
    struct acl *acl = memory_new_zeroed(1, sizeof(*acl));

    acl->options = options;
    acl->metrics = metrics;
    acl->users = users_new(options);
    acl->log = acl_log_new(options);
    users_set_default_password(acl->users, password_of(options));
    return acl;
}

void acl_free(struct acl *acl)
{
    if (acl == NULL)
        return;
    users_free(acl->users);
    acl_log_free(acl->log);
    memory_free(acl);
}

void acl_set_sessions(struct acl *acl, struct sessions *sessions)
{
    acl->sessions = sessions;
}

struct users *acl_users(struct acl *acl)
{
    return acl->users;
}

struct acl_log *acl_log(struct acl *acl)
{
    return acl->log;
}

/* ---- Sessions ---- */

static void become(struct session *session, struct user *user, bool signed_in)
{
    session->user = user;
    session->user_name = user_name(user);
    session->signed_in = signed_in;
    session->may_all = signed_in && user_may_all(user);
}

/* Whether whoever comes is signed in already. */
static bool is_open(const struct acl *acl)
{
    const struct user *user = users_default(acl->users);

    return user_is_on(user) && user_needs_no_password(user);
}

void acl_welcome(void *who, struct session *session)
{
    struct acl *acl = who;

    become(session, users_default(acl->users), is_open(acl));
}

static void close_session(struct acl *acl, struct session *session, const struct session *self)
{
    sessions_close(acl->sessions, session, session == self);
}

/* Whether all that a session is subscribed to in one way may still be heard. */
static bool may_still_hear(const struct session *session, enum topic_kind kind)
{
    for (size_t i = 0; i < subscription_count(session, kind); i++) {
        if (!user_may_hear(session->user, subscription_at(session, kind, i),
                           kind == TOPIC_PATTERN))
            return false;
    }
    return true;
}

/* A user changed: its sessions feel it. */
static void follow_user(struct acl *acl, const struct user *user, const struct session *self)
{
    struct chain *all;
    bool open = is_open(acl);

    if (acl->sessions == NULL)
        return;
    all = sessions_chain(acl->sessions);
    for (struct chain *link = all->next; link != all; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        if (session->user != user)
            continue;
        /* Who waits to sign in as default need not any longer, if it needs no password now. */
        become(session, session->user,
               session->signed_in || (open && user == users_default(acl->users)));
        if (!may_still_hear(session, TOPIC_CHANNEL) || !may_still_hear(session, TOPIC_PATTERN) ||
            !may_still_hear(session, TOPIC_SHARD))
            close_session(acl, session, self);
    }
}

/* A user goes: its sessions are nobody until they are closed. */
static void close_sessions_of(struct acl *acl, const struct user *user, const struct session *self)
{
    struct chain *all;

    if (acl->sessions == NULL)
        return;
    all = sessions_chain(acl->sessions);
    for (struct chain *link = all->next; link != all; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        if (session->user != user)
            continue;
        become(session, users_default(acl->users), false);
        close_session(acl, session, self);
    }
}

/* ---- Asking ---- */

static void note(struct acl *acl, const struct call *call, enum denied what, struct slice object,
                 struct slice user)
{
    bool in_multi = call->queued || call->session->transaction != NULL;
    uint64_t *const counts[] = {
        [DENIED_COMMAND] = &acl->metrics->acl_denied_commands,
        [DENIED_KEY] = &acl->metrics->acl_denied_keys,
        [DENIED_CHANNEL] = &acl->metrics->acl_denied_channels,
        [DENIED_SIGN_IN] = &acl->metrics->acl_denied_sign_ins,
    };
    struct buffer session = { 0 };

    ++*counts[what];
    session_describe(call->session, call->now, &session);
    acl_log_note(acl->log, &(struct acl_line){
        .what = what,
        .context = call->scripted ? ACL_SCRIPT : in_multi ? ACL_MULTI : ACL_TOP_LEVEL,
        .object = object,
        .user = user,
        .session = buffer_slice(&session),
        .when = call->now,
    });
    buffer_clear(&session);
}

/* The words that a request is refused with, by where it comes from. */
static void refuse(struct call *call, enum denied what)
{
    static const char *const plain[] = {
        [DENIED_KEY] = "keys",
        [DENIED_CHANNEL] = "channels",
    };
    static const char *const queued[] = {
        [DENIED_COMMAND] = "no permission to execute the command or subcommand",
        [DENIED_KEY] = "no permission to touch the specified keys",
        [DENIED_CHANNEL] = "no permission to access one of the channels used as arguments",
    };
    static const char *const scripted[] = {
        [DENIED_COMMAND] = "run this command or subcommand",
        [DENIED_KEY] = "access at least one of the keys mentioned in the command arguments",
        [DENIED_CHANNEL] = "publish to the channel mentioned in the command",
    };

    if (call->scripted)
        (void)call_refuse_with(call, "ERR The user executing the script can't %s",
                               scripted[what]);
    else if (call->queued)
        (void)call_refuse_with(call, "NOPERM ACLs rules changed between the moment the transaction "
                                     "was accumulated and the EXEC call. This command is no longer "
                                     "allowed for the following reason: %s",
                               queued[what]);
    else if (what == DENIED_COMMAND)
        (void)call_refuse_with(call, "NOPERM this user has no permissions to run the '%s' command",
                               call->command->full_name);
    else
        (void)call_refuse_with(call, "NOPERM this user has no permissions to access one of the %s "
                                     "used as arguments",
                               plain[what]);
}

/* The guard for those who may not do everything; apart, so that the other needs no stack. */
__attribute__((noinline)) static enum pass look_up(struct acl *acl, struct call *call)
{
    const struct session *session = call->session;
    const struct args *args = call->args;
    struct denial denial;

    if (!session->signed_in) {
        if ((call->command->flags & COMMAND_NO_AUTH) != 0)
            return PASS_ON;
        (void)call_refuse(call, REFUSAL_NOT_SIGNED_IN);
        return PASS_REFUSED;
    }
    denial = user_asks(session->user, call->command, args->words, args->count);
    if (denial.what == DENIED_NOTHING)
        return PASS_ON;
    note(acl, call, denial.what,
         denial.what == DENIED_COMMAND ? command_full_name(call->command)
                                       : args->words[denial.word],
         session->user_name);
    refuse(call, denial.what);
    return PASS_REFUSED;
}

enum pass acl_guard(void *who, struct call *call)
{
    if (LIKELY(call->session->may_all))
        return PASS_ON;
    return look_up(who, call);
}

bool acl_sign_in(struct acl *acl, struct call *call, struct slice name, struct slice password)
{
    struct user *user = users_find(acl->users, name);

    if (user == NULL || !user_takes_password(user, password)) {
        note(acl, call, DENIED_SIGN_IN, call->args->words[0], name);
        return false;
    }
    become(call->session, user, true);
    return true;
}

bool acl_may(const void *nobody, const struct session *session, const struct command *command,
             const struct slice *words, size_t count)
{
    (void)nobody;
    return session->may_all ||
           user_asks(session->user, command, words, count).what == DENIED_NOTHING;
}

bool acl_may_read_all(const struct call *call)
{
    return call->session->may_all || user_may_read_all(call->session->user, call->command,
                                                       call->args->words, call->args->count);
}

/* ---- Changing ---- */

bool acl_set_user(struct acl *acl, const struct session *self, struct slice name,
                  const struct slice *rules, size_t count, struct rule_trouble *trouble)
{
    struct user *user = users_set(acl->users, name, rules, count, trouble);

    if (user == NULL)
        return false;
    follow_user(acl, user, self);
    return true;
}

bool acl_remove_user(struct acl *acl, const struct session *self, struct slice name)
{
    struct user *user = users_find(acl->users, name);

    if (user == NULL)
        return false;
    users_take(acl->users, user);
    close_sessions_of(acl, user, self);
    user_free(user);
    return true;
}

void acl_follow_password(struct acl *acl)
{
    users_set_default_password(acl->users, password_of(acl->options));
    follow_user(acl, users_default(acl->users), NULL);
}

void acl_follow_line(struct acl *acl, const struct slice *words, size_t count)
{
    users_follow_line(acl->users, words, count);
}

/* Puts users that were read in the place of all there are. */
static void replace(struct acl *acl, struct users *by, const struct session *self)
{
    for (size_t i = 0; i < users_count(acl->users); i++) {
        struct user *user = users_at(acl->users, i);

        if (user != users_default(acl->users))
            close_sessions_of(acl, user, self);
    }
    users_replace(acl->users, by);
    follow_user(acl, users_default(acl->users), self);
}

bool acl_load(struct acl *acl, const struct session *self, struct buffer *errors)
{
    struct buffer text = { 0 };
    struct trouble trouble;
    struct users *read = NULL;

    if (file_read(acl->options->aclfile, &text, LARGEST_FILE, &trouble))
        read = users_read(acl->options, acl->options->aclfile, buffer_slice(&text), errors);
    else
        buffer_print(errors, "Error loading ACLs, opening file '%s': %s", acl->options->aclfile,
                     trouble.text);
    buffer_clear(&text);
    if (read == NULL)
        return false;
    replace(acl, read, self);
    return true;
}

bool acl_save(const struct acl *acl, struct trouble *trouble)
{
    struct buffer text = { 0 };
    bool fine;

    users_print(acl->users, &text);
    /* For its owner alone to read. */
    fine = file_replace(acl->options->aclfile, buffer_slice(&text), 0600, trouble);
    buffer_clear(&text);
    return fine;
}

/* Whether default is what the options alone would make of it, and there is nobody else. */
static bool says_nothing_new(const struct acl *acl)
{
    struct users *usual = users_new(acl->options);
    bool same;

    users_set_default_password(usual, password_of(acl->options));
    same = users_count(acl->users) == 1 &&
           user_equal(users_default(usual), users_default(acl->users));
    users_free(usual);
    return same;
}

void acl_print_lines(const void *who, struct buffer *to)
{
    const struct acl *acl = who;

    if (acl->options->aclfile[0] == '\0' && !says_nothing_new(acl))
        users_print(acl->users, to);
}
