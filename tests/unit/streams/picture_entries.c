/* Steps: entries come and go, one by one or many; and the stream becomes what it was saved as. */
#include "storage/base/io.h"
#include "storage/values/fingerprint.h"
#include "streams/reference.h"
#include "streams/retention.h"
#include "streams/stream_codec.h"
#include "streams/stream_value.h"
#include "streams/trim.h"
#include "tests/unit/streams/picture.h"

void picture_add(struct picture *picture)
{
    struct entry_id last = stream_last_id(picture->stream);
    struct entry_id id = { last.ms + picture_below(picture, 3), 0 };
    struct slice fields[] = { SLICE("f"), SLICE("v"), SLICE("g"), SLICE("17") };
    struct pictured *entry;

    if (picture->count == ENTRIES)
        return;
    id.seq =
        id.ms == last.ms ? last.seq + 1 + picture_below(picture, 2) : picture_below(picture, 2);
    stream_append(picture->stream, id, fields, 1 + picture_below(picture, 2), &picture->limits);
    entry = &picture->entries[picture->count++];
    *entry = (struct pictured){ .id = id, .there = true };
}

/* Whether any group refers to an entry, dead ones included. */
static bool is_referred_to(const struct picture *picture, const struct pictured *entry)
{
    for (int g = 0; g < GROUPS; g++) {
        if (picture->groups[g].exists &&
            (entry->to[g].pending || picture_is_unread(picture, g, entry)))
            return true;
    }
    return false;
}

static void drop_references(struct pictured *entry)
{
    for (int g = 0; g < GROUPS; g++)
        entry->to[g].pending = false;
}

void picture_delete_one(struct picture *picture)
{
    struct pictured *entry = picture_some_entry(picture);
    enum reference_rule rule = (enum reference_rule)picture_below(picture, 3);
    enum reference_answer wanted;
    struct reference_view view;
    uint64_t dropped = 0;

    if (entry == NULL)
        return;
    wanted = !entry->there                                              ? REFERENCE_MISSING
             : rule == REFERENCE_NONE && is_referred_to(picture, entry) ? REFERENCE_REFUSED
                                                                        : REFERENCE_DELETED;
    reference_view_begin(&view, picture->stream, 0);
    SAME(reference_delete(picture->stream, entry->id, rule, &view, &dropped), wanted);
    reference_view_end(&view);
    if (rule == REFERENCE_DROP)
        drop_references(entry);
    if (wanted == REFERENCE_DELETED)
        entry->there = false;
}

/* What is gone and pending no longer: how far a trim that drops references looks is its own. */
static void forget_dropped(struct picture *picture)
{
    struct delivery delivery;

    for (size_t i = 0; i < picture->count; i++) {
        struct pictured *entry = &picture->entries[i];

        for (int g = 0; g < GROUPS && !entry->there; g++) {
            if (entry->to[g].pending &&
                !pending_find(group_pending(picture_group(picture, g)), entry->id, &delivery))
                entry->to[g].pending = false;
        }
    }
}

void picture_trim_exactly(struct picture *picture)
{
    struct trim trim = { .rule = picture_below(picture, 2) ? TRIM_MAXLEN : TRIM_MINID,
                         .references = (enum reference_rule)picture_below(picture, 3) };
    struct discard discard = DISCARD_NONE;
    size_t left = picture_alive(picture);
    size_t most = left < 4 || picture_below(picture, 20) == 0 ? left : 4;
    uint64_t gone = 0;

    trim.max_length = left - (left > 0 ? picture_below(picture, most) : 0);
    if (picture->count > 0)
        trim.min_id =
            picture->entries[picture_below(picture, picture->count < 6 ? picture->count : 6)].id;
    if (stream_groups(picture->stream) == 0 && trim.references == REFERENCE_NONE)
        trim.references = REFERENCE_KEEP;
    for (size_t i = 0; i < picture->count; i++) {
        struct pictured *entry = &picture->entries[i];

        if (!entry->there)
            continue;
        if (trim.rule == TRIM_MAXLEN ? left <= trim.max_length
                                     : entry_id_compare(entry->id, trim.min_id) >= 0)
            break;
        if (trim.references == REFERENCE_NONE && is_referred_to(picture, entry))
            continue;
        entry->there = false;
        left--;
        gone++;
    }
    /* What was trimmed before is not pending any more either, as far as the new front. */
    if (picture_below(picture, 2))
        trim.discard = &discard;
    SAME(trim_apply(picture->stream, &trim), gone);
    discard_clear(&discard);
    if (trim.references == REFERENCE_DROP && gone > 0)
        forget_dropped(picture);
}

/* Whole segments go: what is left is what the stream says, from the front on. */
void picture_trim_roughly(struct picture *picture)
{
    size_t before = picture_alive(picture);
    struct trim trim = { .rule = TRIM_MAXLEN,
                         .approximate = true,
                         .max_length = before / 2 + picture_below(picture, 8) };
    uint64_t gone = trim_apply(picture->stream, &trim);

    if (before - gone < (trim.max_length < before ? trim.max_length : before))
        picture_differ(picture, "a rough trim goes too far");
    for (size_t i = 0; i < picture->count && gone > 0; i++) {
        gone -= picture->entries[i].there;
        picture->entries[i].there = false;
    }
}

/* A work queue is looked through to its end, in steps of a few entries. */
void picture_let_leave(struct picture *picture)
{
    struct discard discard = DISCARD_NONE;
    struct stream_settings settings = *stream_settings(picture->stream);

    settings.work_queue = picture_below(picture, 2);
    settings.group_ttl = TTL;
    stream_set(picture->stream, &settings);
    if (!settings.work_queue)
        return;
    retention_drain(picture->stream, ENTRY_ID_MIN);
    do {
        struct retention_step step = { .discard = &discard, .budget = 5 };

        retention_step(picture->stream, picture->now, &step);
        buffer_clear(&step.spare);
    } while (retention_due(picture->stream, picture->now) == 0);
    discard_clear(&discard);
    for (size_t i = 0; i < picture->count; i++) {
        if (picture->entries[i].there && picture_is_spare(picture, &picture->entries[i]))
            picture->entries[i].there = false;
    }
}

static uint64_t digest_of(struct stream *stream)
{
    struct fingerprint print = { 0 };
    char text[41];

    stream_value_type.digest((const struct value *)(const void *)stream, &print);
    fingerprint_print(&print, text);
    return digest_xxh3(slice_of(text, 40));
}

/* What a snapshot keeps, and what a copy is. */
void picture_start_again(struct picture *picture)
{
    struct value *value = (struct value *)(void *)picture->stream, *loaded = NULL;
    uint64_t digest = digest_of(picture->stream);
    struct buffer bytes = { 0 };

    if (picture_below(picture, 2)) {
        loaded = stream_value_type.copy(value);
    } else {
        struct writer *to = writer_new_memory(&bytes);
        struct rdb_writer writer;
        struct reader *from;
        struct rdb_reader reader;

        rdb_writer_init(&writer, to, false);
        stream_codec_save(value, &writer);
        stream_codec_save_rest(value, &writer);
        rdb_writer_clear(&writer);
        writer_free(to);
        from = reader_new_memory(buffer_slice(&bytes));
        rdb_reader_init(&reader, from, bytes.len);
        loaded = stream_codec_load(&reader, stream_codec_type(value), &picture->limits);
        if (loaded == NULL || !stream_codec_load_rest(loaded, &reader))
            picture_differ(picture, "a snapshot cannot be read");
        rdb_reader_clear(&reader);
        reader_free(from);
        buffer_clear(&bytes);
    }
    if (loaded == NULL)
        return;
    stream_free(picture->stream);
    picture->stream = (struct stream *)(void *)loaded;
    SAME(digest_of(picture->stream), digest);
}
