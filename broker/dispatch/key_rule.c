/*
 * Walking over the keys of a request.
 *
 * A walk opens one rule after the other. Opening turns a rule and the words
 * into a run: a first and a last position and a step. Where the words decide
 * more than a rule can say, the command's reader bends the run or its flags.
 *
 * What always holds: (1) every position a walk gives is at least 1 and below
 * the number of words; (2) a walk that met a rule which does not fit ends there
 * and is marked broken, also if rules before it gave keys.
 */
#include "broker/dispatch/key_rule.h"

#include "broker/dispatch/command_private.h"
#include "storage/base/must.h"
#include "storage/base/number.h"

static bool word_is(const struct key_walk *walk, size_t at, struct slice option)
{
    return slice_equal_nocase(walk->words[at], option);
}

/* The position behind the keyword, or 0. A keyword that is the last word has nothing behind it. */
static size_t find_keyword(const struct key_walk *walk, const struct key_rule *rule)
{
    struct slice keyword = slice_text(rule->keyword);
    size_t count = walk->count;

    if (rule->start_from >= 0) {
        for (size_t i = (size_t)rule->start_from; i + 1 < count; i++) {
            if (word_is(walk, i, keyword))
                return i + 1;
        }
        return 0;
    }
    size_t back = (size_t)-rule->start_from;
    for (size_t i = count > back ? count - back : 0; i > 1; i--) {
        if (word_is(walk, i, keyword))
            return i + 1;
    }
    return 0;
}

/* As many keys as a word says. A count that promises more words than there are breaks the walk. */
static void run_by_count(struct key_walk *walk, const struct key_rule *rule, size_t first)
{
    size_t at = first + (size_t)rule->count_at;
    size_t from = first + (size_t)rule->first_at;
    size_t step = (size_t)rule->step;
    int64_t keys;

    if (at >= walk->count || !number_read(walk->words[at], &keys) || keys < 0) {
        walk->broken = true;
        return;
    }
    if (keys == 0) {
        /* A script may name none; for ZUNIONSTORE this is a mistake. */
        walk->broken = !(walk->command->flags & COMMAND_NO_MANDATORY_KEYS);
        return;
    }
    if (from >= walk->count || (uint64_t)keys - 1 > (walk->count - 1 - from) / step) {
        walk->broken = true;
        return;
    }
    walk->next = from;
    walk->last = from + ((size_t)keys - 1) * step;
}

/* Up to a last word; a negative one counts from the end of all words, or of a part of them. */
static void run_by_range(struct key_walk *walk, const struct key_rule *rule, size_t first)
{
    size_t end = walk->count;
    size_t last = first + (size_t)rule->last;

    if (rule->last < 0) {
        if (rule->limit > 1)
            end = first + (end - first) / (size_t)rule->limit;
        last = end - (size_t)-rule->last;
    }
    if (last < first || last >= walk->count) {
        walk->broken = true;
        return;
    }
    walk->next = first;
    walk->last = last;
}

static void run_by_rule(struct key_walk *walk, const struct key_rule *rule)
{
    size_t first;

    if (rule->begin == KEY_BEGIN_UNKNOWN)
        return;
    if (rule->begin == KEY_BEGIN_INDEX) {
        first = (size_t)rule->index;
    } else {
        first = find_keyword(walk, rule);
        if (first == 0)
            return; /* an option that was not given */
    }
    if (first >= walk->count) {
        walk->broken = true;
        return;
    }
    if (rule->find == KEY_FIND_COUNT)
        run_by_count(walk, rule, first);
    else if (rule->find == KEY_FIND_RANGE)
        run_by_range(walk, rule, first);
}

/* SORT's STORE: options with arguments are stepped over, and the last STORE counts. */
static void run_sort_store(struct key_walk *walk)
{
    for (size_t i = 2; i < walk->count; i++) {
        if (word_is(walk, i, SLICE("limit"))) {
            i += 2;
        } else if (word_is(walk, i, SLICE("get")) || word_is(walk, i, SLICE("by"))) {
            i += 1;
        } else if (word_is(walk, i, SLICE("store")) && i + 1 < walk->count) {
            walk->next = i + 1;
            walk->last = i + 1;
        }
    }
}

/* Where MIGRATE's KEYS stands, or 0. The words of a password may look like it. */
static size_t find_migrate_keys(const struct key_walk *walk)
{
    for (size_t i = 6; i + 1 < walk->count; i++) {
        if (word_is(walk, i, SLICE("keys")))
            return i;
        if (word_is(walk, i, SLICE("auth")))
            i += 1;
        else if (word_is(walk, i, SLICE("auth2")))
            i += 2;
    }
    return 0;
}

/* MIGRATE has one key, or an empty word in its place and many behind KEYS. */
static void run_migrate(struct key_walk *walk, const struct key_rule *rule)
{
    size_t keys = find_migrate_keys(walk);

    if (rule->begin == KEY_BEGIN_INDEX) {
        if (keys == 0)
            run_by_rule(walk, rule);
        else if (walk->words[3].len != 0)
            walk->broken = true;
    } else if (keys != 0) {
        walk->next = keys + 1;
        walk->last = walk->count - 1;
    }
}

/* Whether a word makes SET look at what it replaces. */
static bool looks_first(const struct key_walk *walk, size_t i)
{
    static const struct slice words[] = {
        { "get", 3 }, { "ifeq", 4 }, { "ifne", 4 }, { "ifdeq", 5 }, { "ifdne", 5 },
    };

    for (size_t word = 0; word < sizeof(words) / sizeof(words[0]); word++) {
        if (word_is(walk, i, words[word]))
            return true;
    }
    return false;
}

/* Without GET and conditions on the value, SET does not look at what it replaces. */
static uint32_t set_flags(const struct key_walk *walk)
{
    for (size_t i = 3; i < walk->count; i++) {
        if (looks_first(walk, i))
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_OW | KEY_UPDATE;
}

/* BITFIELD writes if one of its operations does; what it does not understand counts as one. */
static uint32_t bitfield_flags(const struct key_walk *walk)
{
    for (size_t i = 2; i < walk->count; i++) {
        size_t behind = walk->count - i - 1;

        if (word_is(walk, i, SLICE("get")) && behind >= 2)
            i += 2;
        else if (word_is(walk, i, SLICE("overflow")) && behind >= 1)
            i += 1;
        else
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

static void open_run(struct key_walk *walk, const struct key_rule *rule)
{
    walk->flags = rule->flags & ~(uint32_t)(KEY_VARIABLE | KEY_INCOMPLETE);
    walk->step = (size_t)rule->step;
    switch ((enum key_reader)walk->command->key_reader) {
    case KEY_READER_SORT:
        if (rule->begin == KEY_BEGIN_UNKNOWN && (rule->flags & KEY_OW))
            run_sort_store(walk);
        else
            run_by_rule(walk, rule);
        return;
    case KEY_READER_MIGRATE:
        run_migrate(walk, rule);
        return;
    case KEY_READER_SET:
        walk->flags = set_flags(walk);
        break;
    case KEY_READER_DELEX:
        /* A condition tells, by what becomes of the key, what its value is. */
        walk->flags = KEY_RW | KEY_DELETE | (walk->count > 2 ? KEY_ACCESS : 0u);
        break;
    case KEY_READER_BITFIELD:
        walk->flags = bitfield_flags(walk);
        break;
    case KEY_READER_RULES:
        break;
    }
    run_by_rule(walk, rule);
}

void key_rule_begin(struct key_walk *walk, const struct command *command, const struct slice *words,
                    size_t count, enum key_scope scope)
{
    *walk = (struct key_walk){
        .command = command,
        .words = words,
        .count = count,
        .next = 1, /* behind `last`: no run is open */
        .with_channels = scope == KEYS_AND_CHANNELS,
    };
}

bool key_rule_next(struct key_walk *walk, struct key_place *place)
{
    while (walk->next > walk->last) {
        if (walk->broken || walk->rule == walk->command->key_rule_count)
            return false;
        const struct key_rule *rule = &walk->command->key_rules[walk->rule++];
        if ((rule->flags & KEY_NOT_KEY) && !walk->with_channels)
            continue;
        walk->next = 1;
        walk->last = 0;
        open_run(walk, rule);
    }
    must_dear(walk->next >= 1 && walk->next < walk->count);
    place->word = walk->next;
    place->flags = walk->flags;
    walk->next += walk->step;
    return true;
}

bool key_rule_broken(const struct key_walk *walk)
{
    return walk->broken;
}

size_t key_rule_first(const struct command *command, const struct slice *words, size_t count)
{
    struct key_walk walk;
    struct key_place place;

    if (LIKELY(command->first_key != 0))
        return command->first_key < count ? command->first_key : 0;
    if (command->key_rule_count == 0)
        return 0;
    key_rule_begin(&walk, command, words, count, KEYS_ONLY);
    return key_rule_next(&walk, &place) ? place.word : 0;
}

struct key_range key_rule_range(const struct command *command)
{
    struct key_range range = { 0, 0, 0 };

    for (size_t i = 0; i < command->key_rule_count; i++) {
        const struct key_rule *rule = &command->key_rules[i];

        if (rule->begin != KEY_BEGIN_INDEX || rule->find != KEY_FIND_RANGE)
            continue;
        int last = rule->last < 0 ? rule->last : rule->index + rule->last;
        if (range.first == 0)
            range = (struct key_range){ rule->index, last, rule->step };
        else if (range.last >= 0 && rule->index == range.last + 1)
            range.last = last; /* it goes on where the one before ended */
    }
    return range;
}

const char *key_flag_name(enum key_flags flag)
{
#define NAME(name, word) \
    case KEY_##name:     \
        return word;

    switch (flag) {
        KEY_FLAG_WORDS(NAME)
    }
#undef NAME
    return NULL;
}
