/* ACL: users and what they may do, looked at and changed. */
#include "handlers.h"

#include "broker/acl/acl.h"
#include "broker/broker.h"
#include "broker/config/options.h"
#include "broker/dispatch/naming.h"
#include "storage/base/random.h"

enum { PASSWORD_BITS = 256, PASSWORD_BITS_MOST = 4096, LOG_LINES = 10, NAME_MOST = 128 };

static int quoted_len(struct slice word)
{
    return (int)(word.len > NAME_MOST ? NAME_MOST : word.len);
}

/* ---- Users ---- */

static enum verdict refuse_rule(struct call *call, struct rule_trouble *trouble)
{
    int len = (int)(trouble->rule.len > INT16_MAX ? INT16_MAX : trouble->rule.len);
    enum verdict verdict;

    if (trouble->sentence == NULL)
        verdict = call_refuse_with(call, "ERR Unmatched parenthesis in acl selector starting at "
                                         "'%.*s'.",
                                   len, trouble->rule.at);
    else
        verdict = call_refuse_with(call, "ERR Error in ACL SETUSER modifier '%.*s': %s", len,
                                   trouble->rule.at, trouble->sentence);
    rule_trouble_clear(trouble);
    return verdict;
}

/* ACL SETUSER username [rule ...] */
enum verdict do_acl_setuser(struct call *call)
{
    const struct args *args = call->args;
    struct slice name = args_next(call->args);
    struct rule_trouble trouble = { .sentence = NULL };

    if (!user_name_is_fine(name))
        return call_refuse_with(call, "ERR Usernames can't contain spaces or null characters");
    if (!acl_set_user(call->broker->acl, call->session, name, args->words + args->at,
                      args_left(args), &trouble))
        return refuse_rule(call, &trouble);
    rule_trouble_clear(&trouble);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* ACL DELUSER username [username ...] */
enum verdict do_acl_deluser(struct call *call)
{
    size_t first = args_position(call->args);
    int64_t removed = 0;

    while (args_more(call->args)) {
        if (slice_equal(args_next(call->args), SLICE("default")))
            return call_refuse_with(call, "ERR The 'default' user cannot be removed");
    }
    args_rewind(call->args, first);
    while (args_more(call->args))
        removed += acl_remove_user(call->broker->acl, call->session, args_next(call->args));
    reply_integer(call->reply, removed);
    return VERDICT_DONE;
}

/* What one of the printers says, as a string. */
static void reply_rules(struct call *call, const char *name, const struct selector *selector,
                        void (*print)(const struct selector *selector, struct buffer *to))
{
    struct buffer text = { 0 };

    (void)buffer_reserve(&text, 1);
    print(selector, &text);
    reply_bulk(call->reply, slice_text(name));
    reply_bulk(call->reply, buffer_slice(&text));
    buffer_clear(&text);
}

static void reply_selector(struct call *call, const struct selector *selector)
{
    reply_rules(call, "commands", selector, selector_print_commands);
    reply_rules(call, "keys", selector, selector_print_keys);
    reply_rules(call, "channels", selector, selector_print_channels);
}

static void reply_secrets(struct call *call, const struct user *user)
{
    size_t count = 0;

    while (user_flag(user, count) != NULL)
        count++;
    reply_bulk(call->reply, SLICE("flags"));
    reply_set(call->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_bulk(call->reply, slice_text(user_flag(user, i)));
    for (count = 0; user_password(user, count).len > 0;)
        count++;
    reply_bulk(call->reply, SLICE("passwords"));
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_bulk(call->reply, user_password(user, i));
}

/* ACL GETUSER username */
enum verdict do_acl_getuser(struct call *call)
{
    const struct user *user = users_find(acl_users(call->broker->acl), args_next(call->args));
    const struct selector *selector;
    size_t count = 0;

    if (user == NULL) {
        reply_nil(call->reply);
        return VERDICT_DONE;
    }
    reply_map(call->reply, 6);
    reply_secrets(call, user);
    reply_selector(call, user_selector(user, 0));
    while (user_selector(user, count + 1) != NULL)
        count++;
    reply_bulk(call->reply, SLICE("selectors"));
    reply_array(call->reply, count);
    for (size_t i = 1; (selector = user_selector(user, i)) != NULL; i++) {
        reply_map(call->reply, 3);
        reply_selector(call, selector);
    }
    return VERDICT_DONE;
}

/* ACL LIST: the lines of all users. */
enum verdict do_acl_list(struct call *call)
{
    const struct users *users = acl_users(call->broker->acl);
    struct buffer line = { 0 };

    reply_array(call->reply, users_count(users));
    for (size_t i = 0; i < users_count(users); i++) {
        buffer_rewind(&line);
        user_print(users_at(users, i), &line);
        reply_bulk(call->reply, buffer_slice(&line));
    }
    buffer_clear(&line);
    return VERDICT_DONE;
}

/* ACL USERS: their names. */
enum verdict do_acl_users(struct call *call)
{
    const struct users *users = acl_users(call->broker->acl);

    reply_array(call->reply, users_count(users));
    for (size_t i = 0; i < users_count(users); i++)
        reply_bulk(call->reply, user_name(users_at(users, i)));
    return VERDICT_DONE;
}

/* ACL WHOAMI */
enum verdict do_acl_whoami(struct call *call)
{
    if (call->session->user == NULL)
        reply_nil(call->reply);
    else
        reply_bulk(call->reply, call->session->user_name);
    return VERDICT_DONE;
}

/* ---- The file ---- */

static enum verdict refuse_without_file(struct call *call)
{
    return call_refuse_with(
        call, "ERR This Redis instance is not configured to use an ACL file. You may want to "
              "specify users via the ACL SETUSER command and then issue a CONFIG REWRITE "
              "(assuming you have a Redis configuration file set) in order to store users in the "
              "Redis configuration.");
}

/* ACL LOAD */
enum verdict do_acl_load(struct call *call)
{
    struct buffer errors = { 0 };
    enum verdict verdict = VERDICT_DONE;

    if (call->options->aclfile[0] == '\0')
        return refuse_without_file(call);
    if (acl_load(call->broker->acl, call->session, &errors))
        reply_ok(call->reply);
    else
        verdict = call_refuse_with(call, "ERR %.*s",
                                   (int)(errors.len > INT16_MAX ? INT16_MAX : errors.len),
                                   errors.at);
    buffer_clear(&errors);
    return verdict;
}

/* ACL SAVE */
enum verdict do_acl_save(struct call *call)
{
    struct trouble trouble;

    if (call->options->aclfile[0] == '\0')
        return refuse_without_file(call);
    if (!acl_save(call->broker->acl, &trouble))
        return call_refuse_with(call, "ERR There was an error trying to save the ACLs: %s",
                                trouble.text);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* ---- Commands and passwords ---- */

static enum verdict list_categories(struct call *call)
{
    reply_array(call->reply, CATEGORY_COUNT);
    for (int i = 0; i < CATEGORY_COUNT; i++)
        reply_bulk(call->reply, slice_text(command_category_name((enum command_category)i)));
    return VERDICT_DONE;
}

/* ACL CAT [category]: the categories, or the commands of one. */
enum verdict do_acl_cat(struct call *call)
{
    enum command_category category;
    struct outbox_hole hole;
    struct slice name;
    size_t count = 0;

    if (!args_more(call->args))
        return list_categories(call);
    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    name = args_next(call->args);
    if (!command_category_find(name, &category))
        return call_refuse_with(call, "ERR Unknown category '%.*s'", quoted_len(name), name.at);
    hole = reply_open(call->reply);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);

        if ((command->categories >> category & 1) == 0)
            continue;
        reply_bulk(call->reply, command_full_name(command));
        count++;
    }
    reply_close_array(call->reply, hole, count);
    return VERDICT_DONE;
}

/* ACL GENPASS [bits] */
enum verdict do_acl_genpass(struct call *call)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char secret[PASSWORD_BITS_MOST / 8];
    char text[2 * sizeof(secret)];
    int64_t bits = PASSWORD_BITS;
    size_t len;

    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    if (args_more(call->args) && !args_next_integer(call->args, &bits))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (bits <= 0 || bits > PASSWORD_BITS_MOST)
        return call_refuse_with(call, "ERR ACL GENPASS argument must be the number of bits for the "
                                      "output password, a positive number up to %d",
                                (int)PASSWORD_BITS_MOST);
    len = ((size_t)bits + 3) / 4;
    random_secret(secret, sizeof(secret));
    for (size_t i = 0; i < len; i++)
        text[i] = digits[secret[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    reply_bulk(call->reply, slice_of(text, len));
    return VERDICT_DONE;
}

static void reply_denial(struct call *call, struct denial denial, const struct command *command,
                         const struct slice *words)
{
    struct buffer text = { 0 };

    buffer_add(&text, SLICE("This user has no permissions to "));
    if (denial.what == DENIED_COMMAND) {
        buffer_print(&text, "run the '%s' command", command->full_name);
    } else {
        buffer_add(&text, SLICE("access the '"));
        buffer_add(&text, words[denial.word]);
        buffer_add(&text, denial.what == DENIED_KEY ? SLICE("' key") : SLICE("' channel"));
    }
    reply_bulk(call->reply, buffer_slice(&text));
    buffer_clear(&text);
}

/* ACL DRYRUN username command [word ...]: whether that would be permitted. */
enum verdict do_acl_dryrun(struct call *call)
{
    struct slice name = args_next(call->args);
    const struct slice *words = call->args->words + call->args->at;
    size_t count = args_left(call->args);
    const struct user *user = users_find(acl_users(call->broker->acl), name);
    const struct command *command;
    struct denial denial;

    if (user == NULL)
        return call_refuse_with(call, "ERR User '%.*s' not found", quoted_len(name), name.at);
    command = naming_find_words(call->broker->naming, words, count);
    if (command == NULL || command_lacks_subcommand(command, count))
        return call_refuse_with(call, "ERR Command '%.*s' not found", quoted_len(words[0]),
                                words[0].at);
    if (command->run == NULL || !command_takes(command, count))
        return call_refuse_with(call, "ERR wrong number of arguments for '%s' command",
                                command->full_name);
    denial = user_asks(user, command, words, count);
    if (denial.what == DENIED_NOTHING)
        reply_ok(call->reply);
    else
        reply_denial(call, denial, command, words);
    return VERDICT_DONE;
}

/* ---- The log ---- */

static void reply_line(struct call *call, const struct acl_line *line)
{
    static const char *const reasons[] = {
        [DENIED_COMMAND] = "command", [DENIED_KEY] = "key",
        [DENIED_CHANNEL] = "channel", [DENIED_SIGN_IN] = "auth",
    };
    static const char *const contexts[] = {
        [ACL_TOP_LEVEL] = "toplevel", [ACL_MULTI] = "multi", [ACL_SCRIPT] = "lua",
    };
    struct reply *reply = call->reply;

    reply_map(reply, 10);
    reply_bulk(reply, SLICE("count"));
    reply_integer(reply, (int64_t)line->count);
    reply_bulk(reply, SLICE("reason"));
    reply_bulk(reply, slice_text(reasons[line->what]));
    reply_bulk(reply, SLICE("context"));
    reply_bulk(reply, slice_text(contexts[line->context]));
    reply_bulk(reply, SLICE("object"));
    reply_bulk(reply, line->object);
    reply_bulk(reply, SLICE("username"));
    reply_bulk(reply, line->user);
    reply_bulk(reply, SLICE("age-seconds"));
    reply_double(reply, (double)(call->now - line->when) / 1000);
    reply_bulk(reply, SLICE("client-info"));
    reply_bulk(reply, line->session);
    reply_bulk(reply, SLICE("entry-id"));
    reply_integer(reply, (int64_t)line->number);
    reply_bulk(reply, SLICE("timestamp-created"));
    reply_integer(reply, line->first);
    reply_bulk(reply, SLICE("timestamp-last-updated"));
    reply_integer(reply, line->when);
}

/* ACL LOG [count|RESET]: the latest refusals, ten unless it says how many. */
enum verdict do_acl_log(struct call *call)
{
    struct acl_log *log = acl_log(call->broker->acl);
    int64_t most = LOG_LINES;
    size_t count;

    if (args_left(call->args) > 1)
        return call_refuse_subcommand(call);
    if (args_take(call->args, SLICE("reset"))) {
        acl_log_reset(log);
        reply_ok(call->reply);
        return VERDICT_DONE;
    }
    if (args_more(call->args) && !args_next_integer(call->args, &most))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    count = acl_log_count(log);
    if (most < 0)
        most = 0;
    if ((uint64_t)most < count)
        count = (size_t)most;
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        struct acl_line line = acl_log_at(log, i);

        reply_line(call, &line);
    }
    return VERDICT_DONE;
}

/* ACL HELP */
enum verdict do_acl_help(struct call *call)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    The categories of commands, or the commands of one.",
        "DELUSER <username> [<username> ...]",
        "    Remove users and close their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Tell whether a user may run a command, without running it.",
        "GENPASS [<bits>]",
        "    Make up a password, of 256 bits unless told otherwise.",
        "GETUSER <username>",
        "    Describe a user.",
        "LIST",
        "    Describe all users, as a file has them.",
        "LOAD",
        "    Read all users from the ACL file.",
        "LOG [<count>|RESET]",
        "    Show what was refused of late, or forget it.",
        "SAVE",
        "    Write all users to the ACL file.",
        "SETUSER <username> [<rule> ...]",
        "    Make a user, or change its rules.",
        "USERS",
        "    The names of all users.",
        "WHOAMI",
        "    The user of this connection.",
        NULL,
    };

    return call_help(call, lines);
}
