/*
 * Lines are kept only while somebody listens for changes; statements are
 * encoded straight into the feed. MULTI is put in front of a unit of several
 * statements when the unit is complete, since only then their number is known.
 */
#include "broker/dispatch/ledger.h"

#include "broker/dispatch/asides.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/format/statement.h"

enum {
    LINES_KEPT = 256, /* room for more is given back */
    LINE_LISTENERS = LISTENER_WATCH | LISTENER_CACHES | LISTENER_NOTICES | LISTENER_WAITERS
};

/* No database: the feed's reader has selected none yet. */
#define NO_DB UINT32_MAX

struct ledger {
    unsigned            listeners; /* enum ledger_listener */
    unsigned            depth;
    uint32_t            db;
    uint32_t            said;      /* statements that handlers said, ever */
    uint32_t            statements;/* in the feed, of the outermost call */
    unsigned            audience;  /* enum ledger_audience */
    uint32_t            feed_db;   /* the database the feed's reader has selected */
    bool                silent;    /* this call said that nothing is to be said */
    bool                anyway;
    bool                unsaid;    /* nothing that the outermost call says is said */
    uint64_t            changes;   /* by handlers */
    uint64_t            removals;  /* by time and memory */
    struct ledger_line *lines;
    size_t              count;
    size_t              capacity;
    struct arena       *keys;
    struct buffer       fields;       /* struct slice: fields named, of all lines */
    size_t              fields_noted; /* so many of them belong to lines */
    struct buffer       feed;
    struct asides       asides;    /* where replicas hear something else */
    uint64_t            feed_from; /* bytes said before it */
    size_t              unit;      /* where the outermost call's statements begin in the feed */
    struct change_sink  sink;
    void              (*before_all)(void *who, uint32_t db);
    void               *before_all_who;
};

static void told(void *who, uint32_t db, struct slice key, enum change_kind kind);
static void told_field(void *who, uint32_t db, struct slice key, struct slice field);

struct ledger *ledger_new(void)
{
    struct ledger *ledger = memory_new_zeroed(1, sizeof(*ledger));

    ledger->keys = arena_new();
    ledger->feed_db = NO_DB;
    ledger->audience = AUDIENCE_ALL;
    ledger->sink = (struct change_sink){ told, ledger, told_field };
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    arena_free(ledger->keys);
    buffer_clear(&ledger->fields);
    buffer_clear(&ledger->feed);
    asides_clear(&ledger->asides);
    memory_free(ledger->lines);
    memory_free(ledger);
}

void ledger_listen(struct ledger *ledger, enum ledger_listener who, bool on)
{
    if (on)
        ledger->listeners |= who;
    else
        ledger->listeners &= ~(unsigned)who;
}

bool ledger_heard_by(const struct ledger *ledger, enum ledger_listener who)
{
    return (ledger->listeners & who) != 0;
}

void ledger_set_db(struct ledger *ledger, uint32_t db)
{
    ledger->db = db;
}

void ledger_field(struct ledger *ledger, struct slice field)
{
    struct slice copy;

    if (LIKELY(!ledger_heard_by(ledger, LISTENER_FIELDS)))
        return;
    copy = arena_copy(ledger->keys, field);
    buffer_add(&ledger->fields, slice_of((const char *)&copy, sizeof(copy)));
}

const struct slice *ledger_fields(const struct ledger *ledger, const struct ledger_line *line)
{
    return (const struct slice *)(const void *)ledger->fields.at + line->first_field;
}

/* Gives a line the fields that were named since the last one about a hash. */
static void take_fields(struct ledger *ledger, struct ledger_line *line)
{
    size_t named = ledger->fields.len / sizeof(struct slice);

    line->first_field = ledger->fields_noted;
    line->fields = (uint32_t)(named - ledger->fields_noted);
    ledger->fields_noted = named;
}

static void add_line(struct ledger *ledger, const struct ledger_line *line)
{
    if (ledger->count == ledger->capacity) {
        ledger->capacity = ledger->capacity == 0 ? 16 : ledger->capacity * 2;
        ledger->lines =
            memory_resize(ledger->lines, ledger->capacity * sizeof(struct ledger_line));
    }
    ledger->lines[ledger->count] = *line;
    ledger->lines[ledger->count].key = arena_copy(ledger->keys, line->key);
    if (UNLIKELY(ledger->fields.len > 0) && line->class == EVENT_HASH)
        take_fields(ledger, &ledger->lines[ledger->count]);
    ledger->count++;
}

void ledger_changed_in(struct ledger *ledger, uint32_t db, struct slice key,
                       enum event_class class, const char *event)
{
    ledger->changes++;
    if ((ledger->listeners & LINE_LISTENERS) != 0)
        add_line(ledger, &(struct ledger_line){ .key = key, .event = event, .db = db,
                                                .class = class });
}

void ledger_changed(struct ledger *ledger, struct slice key, enum event_class class,
                    const char *event)
{
    ledger_changed_in(ledger, ledger->db, key, class, event);
}

void ledger_followed(struct ledger *ledger, struct slice key, enum event_class class,
                     const char *event)
{
    if ((ledger->listeners & LINE_LISTENERS) != 0)
        add_line(ledger, &(struct ledger_line){ .key = key, .event = event, .db = ledger->db,
                                                .class = class });
}

void ledger_event(struct ledger *ledger, struct slice key, enum event_class class,
                  const char *event)
{
    if (ledger_heard_by(ledger, LISTENER_NOTICES))
        add_line(ledger, &(struct ledger_line){ .key = key, .event = event, .db = ledger->db,
                                                .class = class, .notice_only = true });
}

void ledger_before_all(struct ledger *ledger, void (*look)(void *who, uint32_t db), void *who)
{
    ledger->before_all = look;
    ledger->before_all_who = who;
}

void ledger_changed_all(struct ledger *ledger, uint32_t db)
{
    if (ledger->before_all != NULL)
        ledger->before_all(ledger->before_all_who, db);
    if ((ledger->listeners & LINE_LISTENERS) != 0)
        add_line(ledger, &(struct ledger_line){ .key = SLICE(""), .db = db, .everything = true });
}

void ledger_count(struct ledger *ledger, uint64_t more)
{
    ledger->changes += more;
}

/* Makes the feed's reader select the database that a statement is about. */
static void select_db(struct ledger *ledger, uint32_t db)
{
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[2] = { SLICE("SELECT"), { digits, 0 } };

    if (LIKELY(ledger->feed_db == db))
        return;
    words[1].len = number_put(digits, db);
    statement_put(&ledger->feed, words, 2);
    ledger->feed_db = db;
    if (ledger->statements == 0)
        ledger->unit = ledger->feed.len;
}

/* Says to the log only, or to replicas only. */
static void say_aside(struct ledger *ledger, uint32_t db, const struct slice *words, size_t count)
{
    bool to_replicas = ledger->audience == AUDIENCE_REPLICAS;
    bool replicas = ledger_heard_by(ledger, LISTENER_REPLICAS);
    size_t at;

    if (ledger->audience == AUDIENCE_NOBODY || (to_replicas && !replicas))
        return;
    select_db(ledger, db);
    at = ledger->feed.len;
    if (to_replicas) {
        statement_put(asides_begin(&ledger->asides, at), words, count);
        asides_end(&ledger->asides);
    } else {
        statement_put(&ledger->feed, words, count);
        if (replicas)
            asides_skip(&ledger->asides, at, ledger->feed.len - at);
    }
    ledger->statements++;
}

static void say_in(struct ledger *ledger, uint32_t db, const struct slice *words, size_t count)
{
    if (!ledger_heard_by(ledger, LISTENER_FEED))
        return;
    select_db(ledger, db);
    statement_put(&ledger->feed, words, count);
    ledger->statements++;
}

void ledger_say(struct ledger *ledger, const struct slice *words, size_t count)
{
    ledger->said++;
    if (LIKELY(ledger->audience == AUDIENCE_ALL))
        say_in(ledger, ledger->db, words, count);
    else
        say_aside(ledger, ledger->db, words, count);
}

void ledger_say_nothing(struct ledger *ledger)
{
    ledger->silent = true;
}

void ledger_say_apart(struct ledger *ledger)
{
    ledger->statements = 0;
}

void ledger_set_audience(struct ledger *ledger, enum ledger_audience audience)
{
    ledger->audience = audience;
}

void ledger_say_to_replicas(struct ledger *ledger, const struct slice *words, size_t count)
{
    unsigned before = ledger->audience;

    if (LIKELY(!ledger_heard_by(ledger, LISTENER_REPLICAS)) ||
        (ledger->audience & AUDIENCE_REPLICAS) == 0)
        return;
    ledger->said++;
    ledger->audience = AUDIENCE_REPLICAS;
    say_aside(ledger, ledger->db, words, count);
    ledger->audience = before;
}

void ledger_unsay(struct ledger *ledger)
{
    must(ledger->depth > 0);
    ledger->unsaid = true;
}

void ledger_say_anyway(struct ledger *ledger)
{
    ledger->anyway = true;
}

struct ledger_mark ledger_open(struct ledger *ledger, uint32_t db)
{
    struct ledger_mark mark = { ledger->changes, ledger->said, ledger->db, ledger->silent,
                                ledger->anyway };

    if (ledger->depth++ == 0) {
        ledger->unit = ledger->feed.len;
        ledger->statements = 0;
    }
    ledger->db = db;
    ledger->silent = false;
    ledger->anyway = false;
    return mark;
}

/* The call's own request, as it came if that was RESP. */
static void say_request(struct ledger *ledger, const struct slice *words, size_t count,
                        struct slice raw)
{
    ledger->said++;
    if (!ledger_heard_by(ledger, LISTENER_FEED))
        return;
    if (UNLIKELY(ledger->audience != AUDIENCE_ALL)) {
        say_aside(ledger, ledger->db, words, count);
        return;
    }
    select_db(ledger, ledger->db);
    if (raw.len > 0)
        buffer_add(&ledger->feed, raw);
    else
        statement_put(&ledger->feed, words, count);
    ledger->statements++;
}

/* Wraps the unit that was just completed, so that readers do all of it or nothing. */
static void wrap_unit(struct ledger *ledger)
{
    static const char multi[] = "*1\r\n$5\r\nMULTI\r\n";
    static const char exec[] = "*1\r\n$4\r\nEXEC\r\n";
    size_t len = sizeof(multi) - 1;
    char *unit;

    (void)buffer_reserve(&ledger->feed, len);
    unit = ledger->feed.at + ledger->unit;
    memmove(unit + len, unit, ledger->feed.len - ledger->unit);
    memcpy(unit, multi, len);
    buffer_commit(&ledger->feed, len);
    if (UNLIKELY(!asides_are_none(&ledger->asides)))
        asides_shift(&ledger->asides, ledger->unit, len);
    buffer_add(&ledger->feed, slice_of(exec, sizeof(exec) - 1));
}

void ledger_close(struct ledger *ledger, struct ledger_mark mark, const struct slice *words,
                  size_t count, struct slice raw)
{
    bool changed = ledger->changes != mark.changes;

    must(ledger->depth > 0);
    if ((changed || ledger->anyway) && !ledger->silent && ledger->said == mark.said)
        say_request(ledger, words, count, raw);
    ledger->db = mark.db;
    ledger->silent = mark.silent;
    ledger->anyway = mark.anyway;
    if (--ledger->depth > 0)
        return;
    if (UNLIKELY(ledger->unsaid)) {
        ledger->unsaid = false;
        ledger->feed.len = ledger->unit;
        ledger->feed_db = NO_DB;
        asides_cut(&ledger->asides, ledger->unit);
    } else if (ledger->statements > 1) {
        wrap_unit(ledger);
    }
}

unsigned ledger_depth(const struct ledger *ledger)
{
    return ledger->depth;
}

size_t ledger_lines(const struct ledger *ledger, const struct ledger_line **lines)
{
    *lines = ledger->lines;
    return ledger->count;
}

void ledger_settle(struct ledger *ledger)
{
    if (ledger->count == 0 && LIKELY(ledger->fields.len == 0))
        return;
    ledger->count = 0;
    buffer_rewind(&ledger->fields);
    ledger->fields_noted = 0;
    arena_empty(ledger->keys);
    if (ledger->capacity > LINES_KEPT) {
        memory_free(ledger->lines);
        ledger->lines = NULL;
        ledger->capacity = 0;
    }
}

uint64_t ledger_changes(const struct ledger *ledger)
{
    return ledger->changes + ledger->removals;
}

struct buffer *ledger_feed(struct ledger *ledger)
{
    return &ledger->feed;
}

void ledger_feed_restart(struct ledger *ledger)
{
    ledger->feed_db = NO_DB;
}

uint32_t ledger_feed_db(const struct ledger *ledger)
{
    return ledger->feed_db == NO_DB ? 0 : ledger->feed_db;
}

/* Something went by itself: that is said at once, in front of what the call will say. */
static void say_removal(struct ledger *ledger, uint32_t db, const struct slice *words,
                        size_t count)
{
    ledger->removals++;
    if (ledger->depth == 0) {
        ledger->unit = ledger->feed.len;
        ledger->statements = 0;
    }
    say_in(ledger, db, words, count);
}

static void note_removal(struct ledger *ledger, uint32_t db, struct slice key, bool expired)
{
    const struct slice words[2] = { SLICE("DEL"), key };

    say_removal(ledger, db, words, 2);
    if ((ledger->listeners & LINE_LISTENERS) != 0)
        add_line(ledger, &(struct ledger_line){
                             .key = key,
                             .event = expired ? "expired" : "evicted",
                             .db = db,
                             .class = expired ? EVENT_EXPIRED : EVENT_EVICTED });
}

/* A field went by itself; the line follows when its hash is told of. */
static void told_field(void *who, uint32_t db, struct slice key, struct slice field)
{
    const struct slice words[3] = { SLICE("HDEL"), key, field };

    say_removal(who, db, words, 3);
    ledger_field(who, field);
}

/* Fields of a hash went by themselves, or the hash with the last of them. */
static void note_fields(struct ledger *ledger, uint32_t db, struct slice key, bool emptied)
{
    if ((ledger->listeners & LINE_LISTENERS) != 0)
        add_line(ledger, &(struct ledger_line){ .key = key,
                                                .event = emptied ? "del" : "hexpired",
                                                .db = db,
                                                .class = emptied ? EVENT_GENERIC : EVENT_HASH });
}

/* What the keyspaces tell of themselves. */
static void told(void *who, uint32_t db, struct slice key, enum change_kind kind)
{
    static const struct {
        const char *event;
        uint32_t    class;
    } only_told[] = {
        [CHANGE_CREATED] = { "new", EVENT_NEW },
        [CHANGE_MISSED] = { "keymiss", EVENT_MISS },
        [CHANGE_OVERWRITTEN] = { "overwritten", EVENT_OVERWRITTEN },
        [CHANGE_RETYPED] = { "type_changed", EVENT_RETYPED },
    };
    struct ledger *ledger = who;

    if (kind == CHANGE_EXPIRED || kind == CHANGE_EVICTED)
        note_removal(ledger, db, key, kind == CHANGE_EXPIRED);
    else if (kind == CHANGE_FIELDS_EXPIRED || kind == CHANGE_EMPTIED)
        note_fields(ledger, db, key, kind == CHANGE_EMPTIED);
    else if (UNLIKELY(ledger_heard_by(ledger, LISTENER_NOTICES)))
        add_line(ledger, &(struct ledger_line){ .key = key,
                                                .event = only_told[kind].event,
                                                .db = db,
                                                .class = only_told[kind].class,
                                                .notice_only = true });
}

uint64_t ledger_said(const struct ledger *ledger)
{
    return ledger->feed_from + ledger->feed.len;
}

void ledger_feed_begins_at(struct ledger *ledger, uint64_t offset)
{
    ledger->feed_from = offset;
}

size_t ledger_told(const struct ledger *ledger)
{
    struct buffer told = { 0 };
    size_t len;

    if (LIKELY(asides_are_none(&ledger->asides)))
        return ledger->feed.len;
    asides_tell(&ledger->asides, &ledger->feed, ledger->feed.len, &told);
    len = told.len;
    buffer_clear(&told);
    return len;
}

bool ledger_has_asides(const struct ledger *ledger)
{
    return !asides_are_none(&ledger->asides);
}

void ledger_tell_replicas(const struct ledger *ledger, size_t len, struct buffer *to)
{
    asides_tell(&ledger->asides, &ledger->feed, len, to);
}

void ledger_forget_asides(struct ledger *ledger)
{
    asides_clear(&ledger->asides);
}

size_t ledger_feed_finished(const struct ledger *ledger)
{
    return ledger->depth > 0 ? ledger->unit : ledger->feed.len;
}

void ledger_feed_drop_finished(struct ledger *ledger)
{
    if (UNLIKELY(!asides_are_none(&ledger->asides)))
        asides_drop_front(&ledger->asides, ledger_feed_finished(ledger));
    buffer_drop_front(&ledger->feed, ledger_feed_finished(ledger));
    ledger->unit = 0;
}

const struct change_sink *ledger_change_sink(struct ledger *ledger)
{
    return &ledger->sink;
}
