/* Places are few and forgotten with every turn: they are walked. */
#include "broker/dispatch/asides.h"

struct place {
    size_t at;   /* in the feed */
    size_t skip; /* bytes of it */
    size_t text; /* bytes put in, of the buffer of texts */
};

static struct place *first(const struct asides *asides)
{
    return (struct place *)(void *)asides->places.at;
}

static size_t count(const struct asides *asides)
{
    return asides->places.len / sizeof(struct place);
}

void asides_clear(struct asides *asides)
{
    buffer_clear(&asides->places);
    buffer_clear(&asides->text);
}

void asides_skip(struct asides *asides, size_t at, size_t len)
{
    struct place place = { at, len, 0 };

    buffer_add(&asides->places, slice_of(&place, sizeof(place)));
}

struct buffer *asides_begin(struct asides *asides, size_t at)
{
    struct place place = { at, 0, asides->text.len }; /* where it begins, until its end is known */

    buffer_add(&asides->places, slice_of(&place, sizeof(place)));
    return &asides->text;
}

void asides_end(struct asides *asides)
{
    struct place *last = first(asides) + count(asides) - 1;

    last->text = asides->text.len - last->text;
}

void asides_shift(struct asides *asides, size_t from, size_t len)
{
    struct place *places = first(asides);

    for (size_t i = 0; i < count(asides); i++) {
        if (places[i].at >= from)
            places[i].at += len;
    }
}

void asides_cut(struct asides *asides, size_t from)
{
    while (count(asides) > 0 && first(asides)[count(asides) - 1].at >= from) {
        asides->text.len -= first(asides)[count(asides) - 1].text;
        asides->places.len -= sizeof(struct place);
    }
}

void asides_drop_front(struct asides *asides, size_t upto)
{
    struct place *places = first(asides);
    size_t told = 0;
    size_t text = 0;

    while (told < count(asides) && places[told].at < upto)
        text += places[told++].text;
    if (told == count(asides)) {
        asides_clear(asides);
        return;
    }
    buffer_drop_front(&asides->places, told * sizeof(struct place));
    buffer_drop_front(&asides->text, text);
    places = first(asides);
    for (size_t i = 0; i < count(asides); i++)
        places[i].at -= upto;
}

void asides_tell(const struct asides *asides, const struct buffer *feed, size_t len,
                 struct buffer *to)
{
    const struct place *places = first(asides);
    size_t at = 0;
    size_t text = 0;

    /* What stands at the end of a part belongs to what follows, if anything does. */
    for (size_t i = 0; i < count(asides) && (places[i].at < len || len == feed->len); i++) {
        if (places[i].at < at)
            continue; /* within what is skipped: there is nothing of the kind */
        buffer_add(to, slice_of(feed->at + at, places[i].at - at));
        buffer_add(to, slice_of(asides->text.at + text, places[i].text));
        text += places[i].text;
        at = places[i].at + places[i].skip;
    }
    if (at < len)
        buffer_add(to, slice_of(feed->at + at, len - at));
}
