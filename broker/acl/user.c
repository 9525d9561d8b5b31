/* Passwords are kept as digests only; selectors[0] is the user's own. */
#include "broker/acl/user.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "storage/base/memory.h"

enum { DIGITS = 2 * DIGEST_SHA256_SIZE };

/* What RESTORE is told of payloads: nothing, to check them, not to. */
enum sanitize { SANITIZE_UNSAID, SANITIZE, SANITIZE_SKIP };

struct password {
    char digits[DIGITS];
};

struct user {
    struct bytes     *name;
    bool              on;
    bool              nopass;
    uint8_t           sanitize;
    struct password  *passwords;
    size_t            password_count;
    struct selector **selectors;
    size_t            selector_count;
};

static const char syntax[] = "Syntax error";
static const char not_there[] =
    "The password you are trying to remove from the user does not exist";
static const char not_digest[] = "The password hash must be exactly 64 characters and contain only "
                                 "lowercase hexadecimal characters";

/* ---- Making and ending ---- */

static void put_selector(struct user *user, struct selector *selector)
{
    user->selectors = memory_resize(user->selectors,
                                    (user->selector_count + 1) * sizeof(*user->selectors));
    user->selectors[user->selector_count++] = selector;
}

struct user *user_new(struct slice name, bool open_channels)
{
    struct user *user = memory_new_zeroed(1, sizeof(*user));

    user->name = bytes_copy(name);
    put_selector(user, selector_new(open_channels));
    return user;
}

struct user *user_copy(const struct user *from)
{
    struct user *copy = memory_new_zeroed(1, sizeof(*copy));

    copy->name = bytes_share(from->name);
    copy->on = from->on;
    copy->nopass = from->nopass;
    copy->sanitize = from->sanitize;
    copy->password_count = from->password_count;
    if (from->password_count > 0) {
        copy->passwords = memory_new(from->password_count * sizeof(*copy->passwords));
        memcpy(copy->passwords, from->passwords,
               from->password_count * sizeof(*copy->passwords));
    }
    for (size_t i = 0; i < from->selector_count; i++)
        put_selector(copy, selector_copy(from->selectors[i]));
    return copy;
}

static void drop_passwords(struct user *user)
{
    memory_free(user->passwords);
    user->passwords = NULL;
    user->password_count = 0;
}

static void drop_selectors(struct user *user, size_t kept)
{
    while (user->selector_count > kept)
        selector_free(user->selectors[--user->selector_count]);
}

void user_free(struct user *user)
{
    if (user == NULL)
        return;
    drop_passwords(user);
    drop_selectors(user, 0);
    memory_free(user->selectors);
    bytes_drop(user->name);
    memory_free(user);
}

void user_swap(struct user *a, struct user *b)
{
    struct bytes *name = a->name;
    struct user other = *a;

    must(slice_equal(user_name(a), user_name(b)));
    *a = *b;
    *b = other;
    /* Sessions have borrowed the name of a. */
    b->name = a->name;
    a->name = name;
}

bool user_name_is_fine(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '\0' || name.at[i] == ' ' || (name.at[i] >= '\t' && name.at[i] <= '\r'))
            return false;
    }
    /* Without a name the line of a file would name another. */
    return name.len > 0;
}

struct slice user_name(const struct user *user)
{
    return bytes_slice(user->name);
}

/* ---- Passwords ---- */

static struct password digest_of(struct slice password)
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    char digits[DIGITS + 1];
    struct password made;

    digest_sha256(password, digest);
    digest_hex(digest, sizeof(digest), digits);
    memcpy(made.digits, digits, DIGITS);
    return made;
}

static bool read_digest(struct slice text, struct password *password)
{
    if (text.len != DIGITS)
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        bool digit = (text.at[i] >= '0' && text.at[i] <= '9') ||
                     (text.at[i] >= 'a' && text.at[i] <= 'f');

        if (!digit)
            return false;
    }
    memcpy(password->digits, text.at, DIGITS);
    return true;
}

/* Looks at every byte, whatever the first ones say. */
static bool same_password(const struct password *a, const struct password *b)
{
    unsigned char different = 0;

    for (size_t i = 0; i < DIGITS; i++)
        different |= (unsigned char)(a->digits[i] ^ b->digits[i]);
    return different == 0;
}

static size_t find_password(const struct user *user, const struct password *password)
{
    size_t found = user->password_count;

    for (size_t i = 0; i < user->password_count; i++) {
        if (same_password(&user->passwords[i], password))
            found = i;
    }
    return found;
}

static void add_password(struct user *user, struct password password)
{
    user->nopass = false;
    if (find_password(user, &password) < user->password_count)
        return;
    user->passwords = memory_resize(user->passwords,
                                    (user->password_count + 1) * sizeof(*user->passwords));
    user->passwords[user->password_count++] = password;
}

static const char *remove_password(struct user *user, struct password password)
{
    size_t at = find_password(user, &password);

    if (at == user->password_count)
        return not_there;
    user->password_count--;
    memmove(&user->passwords[at], &user->passwords[at + 1],
            (user->password_count - at) * sizeof(*user->passwords));
    return NULL;
}

static const char *apply_password(struct user *user, char sign, struct slice text)
{
    struct password password;

    if (sign == '>' || sign == '<')
        password = digest_of(text);
    else if (!read_digest(text, &password))
        return not_digest;
    if (sign == '<' || sign == '!')
        return remove_password(user, password);
    add_password(user, password);
    return NULL;
}

/* ---- Rules ---- */

/* What stands between parentheses. */
static const char *fill_selector(struct selector *selector, struct slice rules)
{
    while (rules.len > 0) {
        const char *blank = memchr(rules.at, ' ', rules.len);
        size_t len = blank != NULL ? (size_t)(blank - rules.at) : rules.len;
        const char *wrong;

        /* In a file this would be taken for the end. */
        if (len > 0 && rules.at[len - 1] == ')')
            return syntax;
        wrong = selector_apply(selector, slice_of(rules.at, len));
        if (wrong != NULL)
            return wrong;
        rules = slice_after(rules, blank != NULL ? len + 1 : len);
    }
    selector_settle(selector);
    return NULL;
}

static const char *add_selector(struct user *user, struct slice rules, bool open_channels)
{
    struct selector *selector = selector_new(open_channels);
    const char *wrong = fill_selector(selector, rules);

    if (wrong != NULL)
        selector_free(selector);
    else
        put_selector(user, selector);
    return wrong;
}

static void reset(struct user *user, bool open_channels)
{
    drop_passwords(user);
    drop_selectors(user, 0);
    put_selector(user, selector_new(open_channels));
    user->nopass = false;
    user->on = false;
    user->sanitize = SANITIZE;
}

/* The rules that are plain words; false if it is none of them. */
static bool apply_word(struct user *user, struct slice rule, bool open_channels)
{
    bool nopass = slice_equal_nocase(rule, SLICE("nopass"));

    if (slice_equal_nocase(rule, SLICE("on"))) {
        user->on = true;
    } else if (slice_equal_nocase(rule, SLICE("off"))) {
        user->on = false;
    } else if (nopass || slice_equal_nocase(rule, SLICE("resetpass"))) {
        user->nopass = nopass;
        drop_passwords(user);
    } else if (slice_equal_nocase(rule, SLICE("sanitize-payload"))) {
        user->sanitize = SANITIZE;
    } else if (slice_equal_nocase(rule, SLICE("skip-sanitize-payload"))) {
        user->sanitize = SANITIZE_SKIP;
    } else if (slice_equal_nocase(rule, SLICE("clearselectors"))) {
        drop_selectors(user, 1);
    } else if (slice_equal_nocase(rule, SLICE("reset"))) {
        reset(user, open_channels);
    } else {
        return false;
    }
    return true;
}

const char *user_apply(struct user *user, struct slice rule, bool open_channels)
{
    if (rule.len == 0)
        return NULL;
    if (strchr("><#!", rule.at[0]) != NULL && rule.at[0] != '\0')
        return apply_password(user, rule.at[0], slice_after(rule, 1));
    if (rule.at[0] == '(' && rule.len > 1 && rule.at[rule.len - 1] == ')')
        return add_selector(user, slice_of(rule.at + 1, rule.len - 2), open_channels);
    if (apply_word(user, rule, open_channels))
        return NULL;
    return selector_apply(user->selectors[0], rule);
}

void rule_trouble_clear(struct rule_trouble *trouble)
{
    buffer_clear(&trouble->rule);
}

static bool complain(struct rule_trouble *trouble, struct slice rule, const char *sentence)
{
    trouble->sentence = sentence;
    buffer_add(&trouble->rule, rule);
    return false;
}

static bool opens(struct slice rule)
{
    return rule.len > 0 && rule.at[0] == '(' && rule.at[rule.len - 1] != ')';
}

/* Whether every selector ends; if not, that is what is wrong, whatever else may be. */
static bool all_close(const struct slice *rules, size_t count, struct rule_trouble *trouble)
{
    const struct slice *open = NULL;

    for (size_t i = 0; i < count; i++) {
        if (opens(rules[i]))
            open = &rules[i];
        else if (rules[i].len > 0 && rules[i].at[rules[i].len - 1] == ')')
            open = NULL;
    }
    return open == NULL || complain(trouble, *open, NULL);
}

/* Joins the words of a selector; the number of those it took. It ends. */
static size_t join_selector(const struct slice *rules, size_t count, struct buffer *joined)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_add_byte(joined, ' ');
        buffer_add(joined, rules[i]);
        if (i > 0 && rules[i].len > 0 && rules[i].at[rules[i].len - 1] == ')')
            return i + 1;
    }
    return count;
}

bool user_apply_all(struct user *user, const struct slice *rules, size_t count,
                    bool open_channels, struct rule_trouble *trouble)
{
    struct buffer joined = { 0 };
    size_t at = 0;
    bool fine = true;

    *trouble = (struct rule_trouble){ .sentence = NULL };
    if (!all_close(rules, count, trouble))
        return false;
    while (at < count && fine) {
        struct slice rule = rules[at];
        size_t taken = 1;
        const char *wrong;

        if (opens(rule)) {
            buffer_rewind(&joined);
            taken = join_selector(rules + at, count - at, &joined);
            rule = buffer_slice(&joined);
        }
        wrong = user_apply(user, rule, open_channels);
        if (wrong != NULL)
            fine = complain(trouble, rule, wrong);
        at += taken;
    }
    buffer_clear(&joined);
    selector_settle(user->selectors[0]);
    return fine;
}

/* ---- Asking ---- */

bool user_is_on(const struct user *user)
{
    return user->on;
}

bool user_needs_no_password(const struct user *user)
{
    return user->nopass;
}

bool user_takes_password(const struct user *user, struct slice password)
{
    struct password digest = digest_of(password);
    bool known = find_password(user, &digest) < user->password_count;

    return user->on && (user->nopass || known);
}

bool user_may_all(const struct user *user)
{
    return selector_allows_all(user->selectors[0]);
}

/* The words of a request that are channels: from the first to before the last. */
struct channel_words {
    size_t first;
    size_t last;
    bool   patterns;
};

static struct channel_words find_channels(const struct command *command, size_t count)
{
    struct slice name = command_full_name(command);
    struct channel_words found = { 1, count, false };

    if ((command->flags & COMMAND_PUBSUB) == 0)
        return (struct channel_words){ 0, 0, false };
    if (slice_equal(name, SLICE("publish")) || slice_equal(name, SLICE("spublish")))
        found.last = 2;
    else if (slice_equal(name, SLICE("psubscribe")))
        found.patterns = true;
    else if (!slice_equal(name, SLICE("subscribe")) && !slice_equal(name, SLICE("ssubscribe")))
        found.last = 0;
    return found;
}

/* Words that do not make sense have no keys; their command refuses them. */
static struct denial ask_keys(const struct selector *selector, const struct command *command,
                              const struct slice *words, size_t count)
{
    struct denial denial = { DENIED_NOTHING, 0 };
    struct key_walk walk;
    struct key_place place;

    if (selector_allows_all_keys(selector) || command->key_rule_count == 0)
        return denial;
    key_rule_begin(&walk, command, words, count, KEYS_ONLY);
    while (key_rule_next(&walk, &place)) {
        if (denial.what == DENIED_NOTHING &&
            !selector_allows_key(selector, words[place.word], place.flags))
            denial = (struct denial){ DENIED_KEY, place.word };
    }
    if (key_rule_broken(&walk))
        denial = (struct denial){ DENIED_NOTHING, 0 };
    return denial;
}

static struct denial ask_selector(const struct selector *selector, const struct command *command,
                                  const struct slice *words, size_t count)
{
    struct channel_words channels = find_channels(command, count);
    struct denial denial;

    /* Whoever may sign in may do what signing in takes. */
    if ((command->flags & COMMAND_NO_AUTH) == 0 &&
        !selector_allows_command(selector, command, words, count))
        return (struct denial){ DENIED_COMMAND, 0 };
    denial = ask_keys(selector, command, words, count);
    if (denial.what != DENIED_NOTHING || selector_allows_all_channels(selector))
        return denial;
    for (size_t i = channels.first; i < channels.last; i++) {
        if (!selector_allows_channel(selector, words[i], channels.patterns))
            return (struct denial){ DENIED_CHANNEL, i };
    }
    return denial;
}

struct denial user_asks(const struct user *user, const struct command *command,
                        const struct slice *words, size_t count)
{
    struct denial furthest = { DENIED_NOTHING, 0 };

    for (size_t i = 0; i < user->selector_count; i++) {
        struct denial denial = ask_selector(user->selectors[i], command, words, count);

        if (denial.what == DENIED_NOTHING)
            return denial;
        if (denial.what > furthest.what ||
            (denial.what == furthest.what && denial.word > furthest.word))
            furthest = denial;
    }
    return furthest;
}

bool user_may_read_all(const struct user *user, const struct command *command,
                       const struct slice *words, size_t count)
{
    for (size_t i = 0; i < user->selector_count; i++) {
        const struct selector *selector = user->selectors[i];

        if (selector_allows_reading_all(selector) &&
            ask_selector(selector, command, words, count).what == DENIED_NOTHING)
            return true;
    }
    return false;
}

bool user_may_hear(const struct user *user, struct slice channel, bool is_pattern)
{
    for (size_t i = 0; i < user->selector_count; i++) {
        if (selector_allows_channel(user->selectors[i], channel, is_pattern))
            return true;
    }
    return false;
}

/* ---- Showing ---- */

const char *user_flag(const struct user *user, size_t index)
{
    const char *flags[4] = { user->on ? "on" : "off", NULL, NULL, NULL };
    size_t count = 1;

    if (user->nopass)
        flags[count++] = "nopass";
    if (user->sanitize == SANITIZE)
        flags[count++] = "sanitize-payload";
    if (user->sanitize == SANITIZE_SKIP)
        flags[count++] = "skip-sanitize-payload";
    return index < count ? flags[index] : NULL;
}

struct slice user_password(const struct user *user, size_t index)
{
    if (index >= user->password_count)
        return SLICE("");
    return slice_of(user->passwords[index].digits, DIGITS);
}

const struct selector *user_selector(const struct user *user, size_t index)
{
    return index < user->selector_count ? user->selectors[index] : NULL;
}

void user_print(const struct user *user, struct buffer *to)
{
    const char *flag;

    buffer_add(to, SLICE("user "));
    buffer_add(to, user_name(user));
    for (size_t i = 0; (flag = user_flag(user, i)) != NULL; i++)
        buffer_print(to, " %s", flag);
    for (size_t i = 0; i < user->password_count; i++) {
        buffer_add(to, SLICE(" #"));
        buffer_add(to, user_password(user, i));
    }
    buffer_add_byte(to, ' ');
    selector_print(user->selectors[0], to);
    for (size_t i = 1; i < user->selector_count; i++) {
        buffer_add(to, SLICE(" ("));
        selector_print(user->selectors[i], to);
        buffer_add_byte(to, ')');
    }
}

bool user_equal(const struct user *a, const struct user *b)
{
    if (!slice_equal(user_name(a), user_name(b)) || a->on != b->on || a->nopass != b->nopass ||
        a->sanitize != b->sanitize || a->password_count != b->password_count ||
        a->selector_count != b->selector_count)
        return false;
    for (size_t i = 0; i < a->password_count; i++) {
        if (!same_password(&a->passwords[i], &b->passwords[i]))
            return false;
    }
    for (size_t i = 0; i < a->selector_count; i++) {
        if (!selector_equal(a->selectors[i], b->selectors[i]))
            return false;
    }
    return true;
}

void user_check(const struct user *user)
{
    must(user->selector_count > 0);
    must(!user->nopass || user->password_count == 0);
    for (size_t i = 0; i < user->password_count; i++)
        must(find_password(user, &user->passwords[i]) == i);
    for (size_t i = 0; i < user->selector_count; i++)
        selector_check(user->selectors[i]);
}
