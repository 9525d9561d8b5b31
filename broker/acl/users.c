/* A ring in the order of names: there are few users, and they are found when somebody signs in. */
#include "broker/acl/users.h"

#include "broker/config/options.h"
#include "storage/base/memory.h"
#include "storage/index/ring.h"

struct users {
    const struct options *options;
    struct ring           by_name;
    struct user          *fallback; /* default, one of them */
};

static bool channels_open(const struct options *options)
{
    return options->acl_pubsub_default == OPTION_CHANNELS_ALL;
}

/* Where a name is, or would be. */
static size_t place_of(const struct users *users, struct slice name, bool *found)
{
    size_t low = 0;
    size_t high = ring_count(&users->by_name);

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(user_name(ring_at(&users->by_name, middle)), name);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void put(struct users *users, struct user *user)
{
    bool found;
    size_t place = place_of(users, user_name(user), &found);

    must(!found);
    ring_insert(&users->by_name, place, user);
}

struct users *users_new(const struct options *options)
{
    static const char *const rules[] = { "+@all", "~*", "&*", "on", "nopass" };
    struct users *users = memory_new_zeroed(1, sizeof(*users));

    users->options = options;
    users->fallback = user_new(SLICE("default"), true);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *wrong = user_apply(users->fallback, slice_text(rules[i]), true);

        must(wrong == NULL);
    }
    put(users, users->fallback);
    return users;
}

void users_free(struct users *users)
{
    if (users == NULL)
        return;
    while (ring_count(&users->by_name) > 0)
        user_free(ring_pop_last(&users->by_name));
    ring_clear(&users->by_name);
    memory_free(users);
}

struct user *users_find(const struct users *users, struct slice name)
{
    bool found;
    size_t place = place_of(users, name, &found);

    return found ? ring_at(&users->by_name, place) : NULL;
}

struct user *users_default(const struct users *users)
{
    return users->fallback;
}

size_t users_count(const struct users *users)
{
    return ring_count(&users->by_name);
}

struct user *users_at(const struct users *users, size_t index)
{
    return ring_at(&users->by_name, index);
}

struct user *users_set(struct users *users, struct slice name, const struct slice *rules,
                       size_t count, struct rule_trouble *trouble)
{
    bool open = channels_open(users->options);
    struct user *user = users_find(users, name);
    struct user *changed = user != NULL ? user_copy(user) : user_new(name, open);

    if (!user_apply_all(changed, rules, count, open, trouble)) {
        user_free(changed);
        return NULL;
    }
    if (user == NULL) {
        put(users, changed);
        return changed;
    }
    user_swap(user, changed);
    user_free(changed);
    return user;
}

void users_take(struct users *users, struct user *user)
{
    bool found;
    size_t place = place_of(users, user_name(user), &found);

    must(found && user != users->fallback);
    (void)ring_remove(&users->by_name, place);
}

void users_replace(struct users *users, struct users *by)
{
    bool found;

    user_swap(users->fallback, by->fallback);
    (void)ring_remove(&users->by_name, place_of(users, SLICE("default"), &found));
    while (ring_count(&users->by_name) > 0)
        user_free(ring_pop_last(&users->by_name));
    while (ring_count(&by->by_name) > 0) {
        struct user *user = ring_pop_first(&by->by_name);

        if (user == by->fallback)
            user_free(user);
        else
            put(users, user);
    }
    put(users, users->fallback);
    users_free(by);
}

void users_set_default_password(struct users *users, struct slice password)
{
    struct buffer rule = { 0 };
    const char *wrong;

    wrong = user_apply(users->fallback, SLICE("resetpass"), false);
    must(wrong == NULL);
    if (password.len > 0) {
        buffer_add_byte(&rule, '>');
        buffer_add(&rule, password);
    } else {
        buffer_add(&rule, SLICE("nopass"));
    }
    wrong = user_apply(users->fallback, buffer_slice(&rule), false);
    must(wrong == NULL);
    buffer_clear(&rule);
}

/* ---- Lines ---- */

/* Follows the rules of a line on a new user; NULL with the trouble if they make no sense. */
static struct user *read_user(struct slice name, const struct slice *rules, size_t count,
                              bool open, struct rule_trouble *trouble)
{
    struct user *user = user_new(name, open);

    if (user_apply_all(user, rules, count, open, trouble))
        return user;
    user_free(user);
    return NULL;
}

bool users_check_line(const struct slice *words, size_t count, struct trouble *trouble)
{
    struct rule_trouble wrong = { .sentence = NULL };
    struct user *user;

    if (!user_name_is_fine(words[0]))
        return trouble_set(trouble, "Spaces not allowed in ACL usernames");
    user = read_user(words[0], words + 1, count - 1, false, &wrong);
    if (user == NULL)
        (void)trouble_set(trouble, "%s",
                          wrong.sentence != NULL ? wrong.sentence
                                                 : "Unmatched parenthesis in selector definition");
    rule_trouble_clear(&wrong);
    user_free(user);
    return user != NULL;
}

/* Makes the user of a line one of all; default stays where it is. */
static void adopt(struct users *users, struct user *user)
{
    struct user *there = users_find(users, user_name(user));

    if (there == NULL) {
        put(users, user);
        return;
    }
    user_swap(there, user);
    user_free(user);
}

void users_follow_line(struct users *users, const struct slice *words, size_t count)
{
    struct rule_trouble wrong;
    bool open = channels_open(users->options);
    struct user *user = user_new(words[0], open);

    /* As Redis has it, default is told to begin anew, which is seen in its flags. */
    if (slice_equal(words[0], SLICE("default"))) {
        const char *none = user_apply(user, SLICE("reset"), open);

        must(none == NULL);
    }
    if (user_apply_all(user, words + 1, count - 1, open, &wrong))
        adopt(users, user);
    else
        user_free(user);
    rule_trouble_clear(&wrong);
}

/* Splits at blanks; there is room for every second byte of the line to be a word. */
static size_t split(struct slice line, struct slice *words)
{
    size_t count = 0;

    while (line.len > 0) {
        const char *blank = memchr(line.at, ' ', line.len);
        size_t len = blank != NULL ? (size_t)(blank - line.at) : line.len;

        if (len > 0)
            words[count++] = slice_of(line.at, len);
        line = slice_after(line, blank != NULL ? len + 1 : len);
    }
    return count;
}

/* One reading of a file. */
struct reading {
    const struct options *options;
    struct users         *users;
    struct ring           said; /* names that had a line, as users that are not owned */
    const char           *named;
    size_t                line;
    struct buffer        *errors;
};

static bool was_said(const struct reading *reading, struct slice name)
{
    const struct user *user = users_find(reading->users, name);

    for (size_t i = 0; i < ring_count(&reading->said); i++) {
        if (ring_at(&reading->said, i) == user)
            return true;
    }
    return false;
}

static void report(struct reading *reading, const struct rule_trouble *wrong)
{
    if (wrong->sentence == NULL) {
        buffer_print(reading->errors, "%s:%zu: Unmatched parenthesis in selector definition.",
                     reading->named, reading->line);
        return;
    }
    buffer_print(reading->errors, "%s:%zu: Error in applying operation '%.*s': %s. ",
                 reading->named, reading->line, (int)wrong->rule.len, wrong->rule.at,
                 wrong->sentence);
}

static void follow_words(struct reading *reading, const struct slice *words, size_t count)
{
    struct rule_trouble wrong = { .sentence = NULL };
    struct user *user;

    if (!slice_equal(words[0], SLICE("user")) || count < 2 || !user_name_is_fine(words[1])) {
        buffer_print(reading->errors,
                     "%s:%zu should start with user keyword followed by the username. ",
                     reading->named, reading->line);
    } else if (was_said(reading, words[1])) {
        buffer_print(reading->errors, "WARNING: Duplicate user '%.*s' found on line %zu. ",
                     (int)words[1].len, words[1].at, reading->line);
    } else {
        user = read_user(words[1], words + 2, count - 2, channels_open(reading->options), &wrong);
        if (user == NULL)
            report(reading, &wrong);
        else
            adopt(reading->users, user);
        user = users_find(reading->users, words[1]);
        if (user != NULL)
            ring_push_last(&reading->said, user);
        rule_trouble_clear(&wrong);
    }
}

static void read_line(struct reading *reading, struct slice line)
{
    struct slice *words;
    size_t count;

    if (line.len == 0)
        return;
    words = memory_new((line.len / 2 + 1) * sizeof(*words));
    count = split(line, words);
    follow_words(reading, words, count);
    memory_free(words);
}

static struct slice trim(struct slice line)
{
    static const char blanks[] = " \t\r";

    while (line.len > 0 && memchr(blanks, line.at[0], sizeof(blanks) - 1) != NULL)
        line = slice_after(line, 1);
    while (line.len > 0 && memchr(blanks, line.at[line.len - 1], sizeof(blanks) - 1) != NULL)
        line.len--;
    return line;
}

struct users *users_read(const struct options *options, const char *named, struct slice text,
                         struct buffer *errors)
{
    struct reading reading = { .options = options, .users = users_new(options),
                               .named = named, .errors = errors };
    size_t before = errors->len;

    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;

        reading.line++;
        read_line(&reading, trim(slice_of(text.at, len)));
        text = slice_after(text, end != NULL ? len + 1 : len);
    }
    ring_clear(&reading.said);
    if (errors->len == before)
        return reading.users;
    buffer_add(errors, SLICE("WARNING: ACL errors detected, no change to the previously active "
                             "ACL rules was performed"));
    users_free(reading.users);
    return NULL;
}

void users_print(const struct users *users, struct buffer *to)
{
    for (size_t i = 0; i < users_count(users); i++) {
        user_print(users_at(users, i), to);
        buffer_add_byte(to, '\n');
    }
}

void users_check(const struct users *users)
{
    must(users_find(users, SLICE("default")) == users->fallback);
    for (size_t i = 0; i < users_count(users); i++) {
        user_check(users_at(users, i));
        must(user_name_is_fine(user_name(users_at(users, i))));
        must(i == 0 || slice_compare(user_name(users_at(users, i - 1)),
                                     user_name(users_at(users, i))) < 0);
    }
}
