/*
 * Which commands are allowed is a bit for each row of the command table; the rules
 * that led there are kept beside it, to be printed.
 *
 * What always holds:
 *   (1) The bits are what the kept rules give, applied in order to none or all.
 *   (2) No two kept rules name the same command or the same category.
 *   (3) A first word is kept only for a command whose own bit is not set.
 *   (4) There are no key patterns where all keys are allowed; likewise channels.
 */
#include "broker/acl/selector.h"

#include "broker/acl/scope.h"
#include "storage/base/bytes.h"
#include "storage/base/memory.h"

enum { BITS = 64 };

/* One rule of commands. */
struct command_rule {
    bool     allow;
    bool     is_category;
    uint16_t index; /* of the command's row, or the category */
};

/* +select|0 */
struct first_word {
    const struct command *command;
    struct bytes         *word;
};

struct selector {
    uint64_t            *bits;      /* by the index of a command's row */
    bool                 all;       /* the rules begin with all commands, not with none */
    struct command_rule *rules;
    size_t               rule_count;
    struct first_word   *firsts;
    size_t               first_count;
    struct scope         keys;
    struct scope         channels;
};

static const char syntax[] = "Syntax error";
static const char unknown[] = "Unknown command or category name in ACL";

/* Blanks and NULs could not be read again from a file. */
static bool is_one_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\0' || text.at[i] == ' ' || (text.at[i] >= '\t' && text.at[i] <= '\r'))
            return false;
    }
    return true;
}

/* ---- Bits ---- */

static size_t bit_words(void)
{
    return (command_count() + BITS - 1) / BITS;
}

static bool bit_is_set(const uint64_t *bits, size_t index)
{
    return (bits[index / BITS] >> index % BITS & 1) != 0;
}

static void set_bit(uint64_t *bits, size_t index, bool on)
{
    uint64_t bit = (uint64_t)1 << index % BITS;

    if (on)
        bits[index / BITS] |= bit;
    else
        bits[index / BITS] &= ~bit;
}

/* Every row's bit, and none behind the last: sets of bits are compared as wholes. */
static void fill(uint64_t *bits, bool on)
{
    memset(bits, 0, bit_words() * sizeof(*bits));
    for (size_t i = 0; on && i < command_count(); i++)
        set_bit(bits, i, true);
}

static void apply_to_bits(uint64_t *bits, const struct command_rule *rule)
{
    const struct command *command;

    if (rule->is_category) {
        for (size_t i = 0; i < command_count(); i++) {
            if ((command_at(i)->categories >> rule->index & 1) != 0)
                set_bit(bits, i, rule->allow);
        }
        return;
    }
    command = command_at(rule->index);
    set_bit(bits, rule->index, rule->allow);
    for (size_t i = 0; i < command->subcommand_count; i++)
        set_bit(bits, command->subcommands[i].index, rule->allow);
}

/* The bits that all rules but one give. */
static void replay_without(const struct selector *selector, size_t without, uint64_t *bits)
{
    fill(bits, selector->all);
    for (size_t i = 0; i < selector->rule_count; i++) {
        if (i != without)
            apply_to_bits(bits, &selector->rules[i]);
    }
}

static bool bits_equal(const uint64_t *a, const uint64_t *b)
{
    return memcmp(a, b, bit_words() * sizeof(*a)) == 0;
}

/* ---- Making and ending ---- */

struct selector *selector_new(bool all_channels)
{
    struct selector *selector = memory_new_zeroed(1, sizeof(*selector));

    selector->bits = memory_new_zeroed(bit_words(), sizeof(*selector->bits));
    selector->channels.all = all_channels;
    return selector;
}

static void drop_firsts(struct selector *selector)
{
    for (size_t i = 0; i < selector->first_count; i++)
        bytes_drop(selector->firsts[i].word);
    memory_free(selector->firsts);
    selector->firsts = NULL;
    selector->first_count = 0;
}

void selector_free(struct selector *selector)
{
    if (selector == NULL)
        return;
    scope_set(&selector->keys, false);
    scope_set(&selector->channels, false);
    drop_firsts(selector);
    memory_free(selector->rules);
    memory_free(selector->bits);
    memory_free(selector);
}

static void put_first(struct selector *selector, const struct command *command,
                      struct bytes *word)
{
    selector->firsts = memory_resize(selector->firsts,
                                     (selector->first_count + 1) * sizeof(*selector->firsts));
    selector->firsts[selector->first_count++] = (struct first_word){ command, word };
}

struct selector *selector_copy(const struct selector *from)
{
    struct selector *copy = selector_new(false);

    memcpy(copy->bits, from->bits, bit_words() * sizeof(*copy->bits));
    copy->all = from->all;
    copy->rule_count = from->rule_count;
    if (from->rule_count > 0) {
        copy->rules = memory_new(from->rule_count * sizeof(*copy->rules));
        memcpy(copy->rules, from->rules, from->rule_count * sizeof(*copy->rules));
    }
    for (size_t i = 0; i < from->first_count; i++)
        put_first(copy, from->firsts[i].command, bytes_share(from->firsts[i].word));
    scope_copy(&copy->keys, &from->keys);
    scope_copy(&copy->channels, &from->channels);
    return copy;
}

/* ---- Rules of commands ---- */

static void allow_all_commands(struct selector *selector, bool allow)
{
    selector->all = allow;
    selector->rule_count = 0;
    fill(selector->bits, allow);
    drop_firsts(selector);
}

static void forget_rule(struct selector *selector, size_t at)
{
    selector->rule_count--;
    memmove(&selector->rules[at], &selector->rules[at + 1],
            (selector->rule_count - at) * sizeof(*selector->rules));
}

/*
 * Whether a rule names all that an earlier one names: the same, or its container. Then
 * the earlier one may go, whatever came between.
 */
static bool overrides(const struct command_rule *rule, const struct command_rule *earlier)
{
    const struct command *parent;

    if (rule->is_category != earlier->is_category)
        return false;
    if (rule->index == earlier->index)
        return true;
    if (rule->is_category)
        return false;
    parent = command_at(earlier->index)->parent;
    return parent != NULL && parent->index == rule->index;
}

/* First words are exceptions to a denial: whatever is said of the command anew ends them. */
static void forget_firsts(struct selector *selector, const struct command_rule *rule)
{
    size_t kept = 0;

    for (size_t i = 0; i < selector->first_count; i++) {
        struct first_word first = selector->firsts[i];
        bool hit = rule->is_category ? (first.command->categories >> rule->index & 1) != 0
                                     : first.command->index == rule->index;

        if (hit)
            bytes_drop(first.word);
        else
            selector->firsts[kept++] = first;
    }
    selector->first_count = kept;
}

static void add_rule(struct selector *selector, struct command_rule rule)
{
    size_t kept = 0;

    for (size_t i = 0; i < selector->rule_count; i++) {
        if (!overrides(&rule, &selector->rules[i]))
            selector->rules[kept++] = selector->rules[i];
    }
    selector->rules = memory_resize(selector->rules, (kept + 1) * sizeof(*selector->rules));
    selector->rules[kept] = rule;
    selector->rule_count = kept + 1;
    forget_firsts(selector, &rule);
    apply_to_bits(selector->bits, &rule);
}

void selector_settle(struct selector *selector)
{
    uint64_t *bits = memory_new(bit_words() * sizeof(*bits));
    size_t at = 0;

    while (at < selector->rule_count) {
        replay_without(selector, at, bits);
        if (bits_equal(bits, selector->bits))
            forget_rule(selector, at);
        else
            at++;
    }
    memory_free(bits);
}

/* +command|word, where the whole is no subcommand. */
static const char *allow_first_word(struct selector *selector, struct slice name)
{
    const char *bar = memrchr(name.at, '|', name.len);
    struct slice first = slice_of(name.at, (size_t)(bar - name.at));
    struct slice word = slice_after(name, first.len + 1);
    const struct command *command = first.len > 0 ? command_named(first) : NULL;

    if (command == NULL || command->subcommand_count > 0)
        return unknown;
    if (command->parent != NULL)
        return "Allowing first-arg of a subcommand is not supported";
    if (word.len == 0 || !is_one_word(word))
        return syntax;
    if (bit_is_set(selector->bits, command->index))
        return NULL;
    for (size_t i = 0; i < selector->first_count; i++) {
        if (selector->firsts[i].command == command &&
            slice_equal_nocase(bytes_slice(selector->firsts[i].word), word))
            return NULL;
    }
    put_first(selector, command, bytes_copy(word));
    return NULL;
}

static const char *apply_category(struct selector *selector, bool allow, struct slice name)
{
    enum command_category category;

    if (slice_equal_nocase(name, SLICE("all"))) {
        allow_all_commands(selector, allow);
        return NULL;
    }
    if (!command_category_find(name, &category))
        return unknown;
    add_rule(selector, (struct command_rule){ allow, true, (uint16_t)category });
    return NULL;
}

/* What follows + or -. */
static const char *apply_command(struct selector *selector, bool allow, struct slice name)
{
    const struct command *command;

    if (name.len == 0)
        return unknown;
    if (name.at[0] == '@')
        return apply_category(selector, allow, slice_after(name, 1));
    command = command_named(name);
    if (command == NULL && allow && memchr(name.at, '|', name.len) != NULL)
        return allow_first_word(selector, name);
    if (command == NULL)
        return unknown;
    add_rule(selector, (struct command_rule){ allow, false, command->index });
    return NULL;
}

/* ---- Rules of keys and channels ---- */

/* What is wrong with a rule of keys: where there are all keys already, that comes first. */
static const char *wrong_keys(const struct selector *selector)
{
    if (selector->keys.all)
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
               "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    return syntax;
}

static const char *apply_keys(struct selector *selector, struct slice text, unsigned ways)
{
    if (!is_one_word(text) || selector->keys.all)
        return wrong_keys(selector);
    scope_add(&selector->keys, text, ways);
    return NULL;
}

/* %R~ %W~ %RW~; a pattern, also if it is *: only ~* stands for all keys. */
static const char *apply_ways(struct selector *selector, struct slice rule)
{
    unsigned ways = 0;
    size_t at = 1;

    for (; at < rule.len && rule.at[at] != '~'; at++) {
        char letter = (char)(rule.at[at] | 0x20);
        unsigned way = letter == 'r' ? SCOPE_READ : letter == 'w' ? SCOPE_WRITE : 0;

        if (way == 0 || (ways & way) != 0)
            return wrong_keys(selector);
        ways |= way;
    }
    if (at == rule.len || ways == 0)
        return wrong_keys(selector);
    return apply_keys(selector, slice_after(rule, at + 1), ways);
}

static const char *apply_channels(struct selector *selector, struct slice text)
{
    if (slice_equal(text, SLICE("*"))) {
        scope_set(&selector->channels, true);
        return NULL;
    }
    if (selector->channels.all)
        return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
               "does not have any effect. Try 'resetchannels' to start with an empty list of "
               "channels";
    if (!is_one_word(text))
        return syntax;
    scope_add(&selector->channels, text, SCOPE_BOTH);
    return NULL;
}

const char *selector_apply(struct selector *selector, struct slice rule)
{
    if (rule.len == 0)
        return NULL;
    switch (rule.at[0]) {
    case '+':
        return apply_command(selector, true, slice_after(rule, 1));
    case '-':
        return apply_command(selector, false, slice_after(rule, 1));
    case '~':
        if (slice_equal(rule, SLICE("~*"))) {
            scope_set(&selector->keys, true);
            return NULL;
        }
        return apply_keys(selector, slice_after(rule, 1), SCOPE_BOTH);
    case '%':
        return apply_ways(selector, rule);
    case '&':
        return apply_channels(selector, slice_after(rule, 1));
    default:
        break;
    }
    if (slice_equal_nocase(rule, SLICE("allcommands")))
        allow_all_commands(selector, true);
    else if (slice_equal_nocase(rule, SLICE("nocommands")))
        allow_all_commands(selector, false);
    else if (slice_equal_nocase(rule, SLICE("allkeys")))
        scope_set(&selector->keys, true);
    else if (slice_equal_nocase(rule, SLICE("resetkeys")))
        scope_set(&selector->keys, false);
    else if (slice_equal_nocase(rule, SLICE("allchannels")))
        scope_set(&selector->channels, true);
    else if (slice_equal_nocase(rule, SLICE("resetchannels")))
        scope_set(&selector->channels, false);
    else
        return syntax;
    return NULL;
}

/* ---- Asking ---- */

bool selector_allows_all(const struct selector *selector)
{
    return selector->all && selector->rule_count == 0 && selector->keys.all &&
           selector->channels.all;
}

bool selector_allows_command(const struct selector *selector, const struct command *command,
                             const struct slice *words, size_t count)
{
    if (bit_is_set(selector->bits, command->index))
        return true;
    for (size_t i = 0; i < selector->first_count && count > 1; i++) {
        if (selector->firsts[i].command == command &&
            slice_equal_nocase(bytes_slice(selector->firsts[i].word), words[1]))
            return true;
    }
    return false;
}

bool selector_allows_key(const struct selector *selector, struct slice key, uint32_t flags)
{
    unsigned reads = (flags & KEY_ACCESS) != 0 ? SCOPE_READ : 0;
    unsigned writes = (flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) != 0 ? SCOPE_WRITE : 0;

    return scope_admits(&selector->keys, key, reads | writes);
}

bool selector_allows_reading_all(const struct selector *selector)
{
    return scope_has(&selector->keys, SLICE("*"), SCOPE_READ);
}

bool selector_allows_channel(const struct selector *selector, struct slice channel,
                             bool is_pattern)
{
    if (is_pattern)
        return scope_has(&selector->channels, channel, SCOPE_BOTH);
    return scope_admits(&selector->channels, channel, SCOPE_BOTH);
}

bool selector_allows_all_keys(const struct selector *selector)
{
    return selector->keys.all;
}

bool selector_allows_all_channels(const struct selector *selector)
{
    return selector->channels.all;
}

/* ---- Printing ---- */

void selector_print_commands(const struct selector *selector, struct buffer *to)
{
    buffer_add(to, selector->all ? SLICE("+@all") : SLICE("-@all"));
    for (size_t i = 0; i < selector->rule_count; i++) {
        const struct command_rule *rule = &selector->rules[i];

        buffer_add(to, rule->allow ? SLICE(" +") : SLICE(" -"));
        if (rule->is_category)
            buffer_print(to, "@%s", command_category_name((enum command_category)rule->index));
        else
            buffer_add(to, command_full_name(command_at(rule->index)));
    }
    for (size_t i = 0; i < selector->first_count; i++) {
        buffer_add(to, SLICE(" +"));
        buffer_add(to, command_full_name(selector->firsts[i].command));
        buffer_add_byte(to, '|');
        buffer_add(to, bytes_slice(selector->firsts[i].word));
    }
}

/*
 * Patterns, each with what stands before it by its ways. ~* is read as all keys, which no
 * other may follow: * among others is a pattern that was given by its ways, and is told so.
 */
static void print_scope(const struct scope *scope, const char *const before[],
                        struct buffer *to)
{
    unsigned ways;

    if (scope->all)
        buffer_print(to, "%s*", before[SCOPE_BOTH]);
    for (size_t i = 0; i < scope->count; i++) {
        struct slice text = scope_at(scope, i, &ways);
        bool by_ways = ways == SCOPE_BOTH && scope->count > 1 && slice_equal(text, SLICE("*"));

        buffer_print(to, "%s%s", i > 0 ? " " : "", by_ways ? "%RW~" : before[ways]);
        buffer_add(to, text);
    }
}

void selector_print_keys(const struct selector *selector, struct buffer *to)
{
    static const char *const before[] = { "", "%R~", "%W~", "~" };

    print_scope(&selector->keys, before, to);
}

void selector_print_channels(const struct selector *selector, struct buffer *to)
{
    static const char *const before[] = { "", "", "", "&" };

    print_scope(&selector->channels, before, to);
}

void selector_print(const struct selector *selector, struct buffer *to)
{
    size_t before = to->len;

    selector_print_keys(selector, to);
    if (to->len > before)
        buffer_add_byte(to, ' ');
    /* What new selectors may hear is an option, so it is said in any case. */
    if (!selector->channels.all)
        buffer_add(to, SLICE("resetchannels "));
    before = to->len;
    selector_print_channels(selector, to);
    if (to->len > before)
        buffer_add_byte(to, ' ');
    selector_print_commands(selector, to);
}

/* ---- For tests ---- */

bool selector_equal(const struct selector *a, const struct selector *b)
{
    if (a->all != b->all || !bits_equal(a->bits, b->bits) || a->first_count != b->first_count)
        return false;
    for (size_t i = 0; i < a->first_count; i++) {
        if (a->firsts[i].command != b->firsts[i].command ||
            !slice_equal_nocase(bytes_slice(a->firsts[i].word), bytes_slice(b->firsts[i].word)))
            return false;
    }
    return scope_equal(&a->keys, &b->keys) && scope_equal(&a->channels, &b->channels);
}

void selector_check(const struct selector *selector)
{
    uint64_t *bits = memory_new(bit_words() * sizeof(*bits));

    replay_without(selector, SIZE_MAX, bits);
    must(bits_equal(bits, selector->bits));
    memory_free(bits);
    for (size_t i = 0; i < selector->rule_count; i++) {
        for (size_t j = i + 1; j < selector->rule_count; j++)
            must(selector->rules[i].is_category != selector->rules[j].is_category ||
                 selector->rules[i].index != selector->rules[j].index);
    }
    for (size_t i = 0; i < selector->first_count; i++)
        must(!bit_is_set(selector->bits, selector->firsts[i].command->index));
    must(!selector->keys.all || selector->keys.count == 0);
    must(!selector->channels.all || selector->channels.count == 0);
}
