/*
 * Changing options, and telling who must know.
 *
 * A live change works on a copy: every value is read into it first, then the
 * copy and the options in force change places, then those who registered are
 * told. If one of them cannot do it, the places are changed back and those who
 * were told are told again, the one that failed too. So a reader never sees half of a change.
 *
 * What always holds:
 *   (1) `now` stays at one address.
 *   (2) Listeners are called with `now` holding what they are told of.
 */
#include "broker/config/config.h"

#include "broker/config/config_help.h"
#include "storage/base/memory.h"

/* Who wants to know of one option. */
struct listener {
    const struct option *option;
    bool (*apply)(void *who, const struct options *options, struct trouble *trouble);
    void *who;
    bool due;  /* one of its options is changing */
    bool told; /* it was told of the change under way */
};

/* A line that is not an option, such as `user name rules...`: words, then their bytes, in one
 * block. */
struct other_line {
    struct slice *words;
    size_t count;
};

struct config {
    struct options now;
    struct other_line *users;
    size_t user_count;
    bool (*check_users)(const struct slice *words, size_t count, struct trouble *trouble);
    void (*print_users)(const void *who, struct buffer *to);
    const void *print_who;
    struct other_line *renames;
    size_t rename_count;
    bool (*check_renames)(void *who, struct slice from, struct slice to,
                          struct trouble *trouble);
    void *check_renames_who;
    struct listener *listeners;
    size_t listener_count;
    bool saves_told; /* the file has said rules already: more are added to them */
    char *path;
};

/* What a redis.conf may say that is no option here, and why not. */
static const struct refused_directive {
    const char *name;
    const char *reason;
} refused[] = {
    { "loadmodule", "loadmodule is not supported: Millrace has no modules" },
};

struct config *config_new(void)
{
    struct config *config = memory_new_zeroed(1, sizeof(*config));

    options_init(&config->now);
    config_set_path(config, "");
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    options_clear(&config->now);
    for (size_t i = 0; i < config->user_count; i++)
        memory_free(config->users[i].words);
    memory_free(config->users);
    for (size_t i = 0; i < config->rename_count; i++)
        memory_free(config->renames[i].words);
    memory_free(config->renames);
    memory_free(config->listeners);
    memory_free(config->path);
    memory_free(config);
}

const struct options *config_options(const struct config *config)
{
    return &config->now;
}

void config_on_change(struct config *config, const char *name,
                      bool (*apply)(void *who, const struct options *options,
                                    struct trouble *trouble),
                      void *who)
{
    const struct option *option = options_find(slice_text(name));

    must(option != NULL);
    config->listeners =
        memory_resize(config->listeners, (config->listener_count + 1) * sizeof(*config->listeners));
    config->listeners[config->listener_count++] =
        (struct listener){ .option = option, .apply = apply, .who = who };
}

/* Rules of a file are one or more to a line, and lines add up, unless one is empty. */
static bool add_saves(struct config *config, const struct option *option,
                      const struct slice *words, size_t count, struct trouble *trouble)
{
    struct option_saves *now = &config->now.save;
    struct option_saves before = *now;

    if (!options_parse(&config->now, option, words, count, trouble))
        return false;
    if (config->saves_told && now->count > 0) {
        if (before.count + now->count > OPTION_SAVES_MOST)
            return trouble_set(trouble, "Invalid save parameters");
        memmove(now->at + before.count, now->at, now->count * sizeof(now->at[0]));
        memcpy(now->at, before.at, before.count * sizeof(now->at[0]));
        now->count += before.count;
    }
    config->saves_told = true;
    return true;
}

/* ---- Lines on users ---- */

void config_check_users(struct config *config,
                        bool (*check)(const struct slice *words, size_t count,
                                      struct trouble *trouble))
{
    config->check_users = check;
}

void config_print_users(struct config *config,
                        void (*print)(const void *who, struct buffer *to), const void *who)
{
    config->print_users = print;
    config->print_who = who;
}

void config_visit_users(const struct config *config,
                        void (*visit)(void *who, const struct slice *words, size_t count),
                        void *who)
{
    for (size_t i = 0; i < config->user_count; i++)
        visit(who, config->users[i].words, config->users[i].count);
}

bool config_user_lines(const struct config *config, struct buffer *to)
{
    if (config->print_users == NULL)
        return false;
    config->print_users(config->print_who, to);
    return true;
}

static struct other_line copy_line(const struct slice *words, size_t count)
{
    size_t size = count * sizeof(struct slice);
    struct other_line line = { .count = count };
    char *text;

    for (size_t i = 0; i < count; i++)
        size += words[i].len;
    line.words = memory_new(size);
    text = (char *)&line.words[count];
    for (size_t i = 0; i < count; i++) {
        if (words[i].len > 0)
            memcpy(text, words[i].at, words[i].len);
        line.words[i] = slice_of(text, words[i].len);
        text += words[i].len;
    }
    return line;
}

/* Keeps a line on a user, of whom there must be no other. */
static bool add_user(struct config *config, const struct slice *words, size_t count,
                     struct trouble *trouble)
{
    struct trouble reason;
    bool known = false;

    if (count == 0)
        return trouble_set(trouble, "Bad directive or wrong number of arguments");
    for (size_t i = 0; i < config->user_count; i++)
        known = known || slice_equal(config->users[i].words[0], words[0]);
    if (known)
        (void)trouble_set(&reason, "Duplicate user found. A user can only be defined once in "
                                   "config files");
    if (known || (config->check_users != NULL && !config->check_users(words, count, &reason)))
        return trouble_set(trouble, "Error in user declaration '%.*s': %s",
                           (int)(words[0].len < 128 ? words[0].len : 128), words[0].at,
                           reason.text);
    config->users =
        memory_resize(config->users, (config->user_count + 1) * sizeof(*config->users));
    config->users[config->user_count++] = copy_line(words, count);
    return true;
}

/* ---- Lines that rename commands ---- */

void config_check_renames(struct config *config,
                          bool (*check)(void *who, struct slice from, struct slice to,
                                        struct trouble *trouble),
                          void *who)
{
    config->check_renames = check;
    config->check_renames_who = who;
}

void config_visit_renames(const struct config *config,
                          void (*visit)(void *who, struct slice from, struct slice to),
                          void *who)
{
    for (size_t i = 0; i < config->rename_count; i++)
        visit(who, config->renames[i].words[0], config->renames[i].words[1]);
}

static bool add_rename(struct config *config, const struct slice *words, size_t count,
                       struct trouble *trouble)
{
    if (count != 2)
        return trouble_set(trouble, "Bad directive or wrong number of arguments");
    if (config->check_renames != NULL &&
        !config->check_renames(config->check_renames_who, words[0], words[1], trouble))
        return false;
    config->renames =
        memory_resize(config->renames, (config->rename_count + 1) * sizeof(*config->renames));
    config->renames[config->rename_count++] = copy_line(words, count);
    return true;
}

/* ---- Setting ---- */

/* Says that there is no such option, and which one may have been meant. */
static bool unknown_option(struct slice name, struct trouble *trouble)
{
    const char *nearest = config_help_nearest(name);

    (void)trouble_set(trouble, "there is no option '%.*s'%s%s%s",
                      (int)(name.len < 128 ? name.len : 128), name.at,
                      nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "");
    return trouble_wrap(trouble, "Bad directive or wrong number of arguments");
}

bool config_set(struct config *config, struct slice name, const struct slice *words, size_t count,
                struct trouble *trouble)
{
    const struct option *option = options_find(name);

    if (option != NULL && option->kind == OPTION_KIND_SAVES)
        return add_saves(config, option, words, count, trouble);
    if (option != NULL)
        return options_parse(&config->now, option, words, count, trouble);
    if (slice_equal_nocase(name, SLICE("user")))
        return add_user(config, words, count, trouble);
    if (slice_equal_nocase(name, SLICE("rename-command")))
        return add_rename(config, words, count, trouble);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (slice_equal_nocase(name, slice_text(refused[i].name)))
            return trouble_set(trouble, "%s", refused[i].reason);
    }
    return unknown_option(name, trouble);
}

/* Puts Redis's words around the reason why one option could not be set. */
static bool blame(struct trouble *trouble, struct slice name)
{
    struct trouble reason = *trouble;

    return trouble_set(trouble, "CONFIG SET failed (possibly related to argument '%.*s') - %s",
                       (int)name.len, name.at, reason.text);
}

/*
 * Whether the pair at `index` names an option that may be set now, by these
 * people, and for the first time in this call.
 */
static bool may_set(const struct config_pair *pairs, size_t index, bool may_protected,
                    struct trouble *trouble)
{
    struct slice name = pairs[index].name;
    const struct option *option = options_find(name);

    if (option == NULL)
        return trouble_set(trouble, "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                           (int)(name.len < 128 ? name.len : 128), name.at);
    if (option->when == OPTION_START) {
        trouble_set(trouble, "can't set immutable config");
        return blame(trouble, name);
    }
    if (option->when == OPTION_PROTECTED && !may_protected) {
        trouble_set(trouble, "can't set protected config");
        return blame(trouble, name);
    }
    for (size_t i = 0; i < index; i++) {
        if (options_find(pairs[i].name) == option) {
            trouble_set(trouble, "duplicate parameter");
            return blame(trouble, name);
        }
    }
    return true;
}

/* Whether a listener was already told in this round under another option's name. */
static bool told_before(const struct config *config, size_t index)
{
    const struct listener *listener = &config->listeners[index];

    for (size_t i = 0; i < index; i++) {
        const struct listener *other = &config->listeners[i];

        if (other->due && other->apply == listener->apply && other->who == listener->who)
            return true;
    }
    return false;
}

static void swap(struct options *a, struct options *b)
{
    struct options kept = *a;

    *a = *b;
    *b = kept;
}

/* Goes back to the options as they were, telling those who were told of others. */
static void go_back(struct config *config, struct options *before)
{
    struct trouble ignored;

    swap(&config->now, before);
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener *listener = &config->listeners[i];

        /* What was in force a moment ago can be had again; if not, nobody can help it. */
        if (listener->told)
            (void)listener->apply(listener->who, &config->now, &ignored);
    }
}

/* Tells the listeners of what differs between the options in force and `before`. */
static bool tell(struct config *config, const struct options *before, struct trouble *trouble)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener *listener = &config->listeners[i];

        listener->told = false;
        listener->due = !options_equal(&config->now, before, listener->option);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener *listener = &config->listeners[i];

        if (!listener->due || told_before(config, i))
            continue;
        /* Who fails half-way has something to take back as well. */
        listener->told = true;
        if (!listener->apply(listener->who, &config->now, trouble))
            return blame(trouble, slice_text(listener->option->name));
    }
    return true;
}

bool config_set_live(struct config *config, const struct config_pair *pairs, size_t count,
                     bool may_protected, struct trouble *trouble)
{
    struct options copy;
    bool fine = true;

    for (size_t i = 0; i < count; i++) {
        if (!may_set(pairs, i, may_protected, trouble))
            return false;
    }

    options_copy(&copy, &config->now);
    for (size_t i = 0; fine && i < count; i++) {
        fine = options_parse(&copy, options_find(pairs[i].name), &pairs[i].value, 1, trouble);
        if (!fine)
            blame(trouble, pairs[i].name);
    }
    if (fine) {
        swap(&config->now, &copy);
        fine = tell(config, &copy, trouble);
        if (!fine)
            go_back(config, &copy);
    }
    options_clear(&copy);
    return fine;
}

void config_settle(struct config *config, const char *name, struct slice value)
{
    const struct option *option = options_find(slice_text(name));
    struct trouble trouble;

    must(option != NULL);
    must(options_parse(&config->now, option, &value, 1, &trouble));
}

const char *config_path(const struct config *config)
{
    return config->path;
}

void config_set_path(struct config *config, const char *path)
{
    size_t len = strlen(path);

    memory_free(config->path);
    config->path = memory_new(len + 1);
    memcpy(config->path, path, len + 1);
}
