/* Places on earth: adding them, and telling where they are and how far apart. */
#include "handlers.h"

#include <stdio.h>

#include "broker/commands/do_geo_private.h"
#include "broker/commands/do_zset_private.h"

/* ---- What the family shares ---- */

bool geo_read_unit(struct slice word, double *meters)
{
    if (slice_equal_nocase(word, SLICE("m")))
        *meters = 1;
    else if (slice_equal_nocase(word, SLICE("km")))
        *meters = 1000;
    else if (slice_equal_nocase(word, SLICE("ft")))
        *meters = 0.3048;
    else if (slice_equal_nocase(word, SLICE("mi")))
        *meters = 1609.34;
    else
        return false;
    return true;
}

bool geo_next_place(struct call *call, struct geo_point *place)
{
    struct slice longitude = args_next(call->args);
    struct slice latitude = args_next(call->args);

    if (!number_read_double(longitude, &place->longitude) ||
        !number_read_double(latitude, &place->latitude)) {
        call_refuse(call, REFUSAL_NOT_FLOAT);
        return false;
    }
    if (!geo_is_place(*place)) {
        call_refuse_with(call, "ERR invalid longitude,latitude pair %f,%f", place->longitude,
                         place->latitude);
        return false;
    }
    return true;
}

void geo_reply_distance(struct reply *reply, double distance)
{
    char text[NUMBER_LONG_DOUBLE_MAX];
    int len = snprintf(text, sizeof text, "%.4f", distance);

    reply_bulk(reply, slice_of(text, (size_t)len));
}

/* A coordinate: 17 digits behind the point, without zeros at the end. */
static void reply_coordinate(struct reply *reply, double coordinate)
{
    char text[NUMBER_LONG_DOUBLE_MAX];
    size_t len = number_put_long_double(text, (long double)coordinate);

    if (!reply->resp3) {
        reply_bulk(reply, slice_of(text, len));
        return;
    }
    reply_raw(reply, SLICE(","));
    reply_raw(reply, slice_of(text, len));
    reply_raw(reply, SLICE("\r\n"));
}

void geo_reply_place(struct reply *reply, double score)
{
    struct geo_point place = geo_decode(score);

    reply_array(reply, 2);
    reply_coordinate(reply, place.longitude);
    reply_coordinate(reply, place.latitude);
}

/* ---- Adding ---- */

/* What GEOADD is asked for. */
struct geoadd {
    struct slice key;
    size_t   options;          /* words between the key and the first place */
    unsigned terms;            /* enum zset_terms */
    bool     changes;          /* CH */
    const struct slice *words; /* longitude, latitude, member, ... */
    size_t   count;
    double  *scores;           /* of all of them, in the call's arena */
};

static void next_terms(struct args *args, struct geoadd *geoadd)
{
    size_t first = args_position(args);

    for (;;) {
        if (args_take(args, SLICE("nx")))
            geoadd->terms |= ZSET_IF_NEW;
        else if (args_take(args, SLICE("xx")))
            geoadd->terms |= ZSET_IF_THERE;
        else if (args_take(args, SLICE("ch")))
            geoadd->changes = true;
        else
            break;
    }
    geoadd->options = args_position(args) - first;
}

/* Reads the words to the end. Answers, and returns false, if they are wrong. */
static bool next_places(struct call *call, struct geoadd *geoadd)
{
    struct args *args = call->args;
    unsigned both = ZSET_IF_NEW | ZSET_IF_THERE;

    geoadd->key = args_next(args);
    next_terms(args, geoadd);
    if (args_left(args) % 3 != 0 || (geoadd->terms & both) == both) {
        call_refuse(call, REFUSAL_SYNTAX);
        return false;
    }
    geoadd->words = args->words + args_position(args);
    geoadd->count = args_left(args) / 3;
    geoadd->scores = arena_take(call->arena, geoadd->count * sizeof(double));
    for (size_t i = 0; i < geoadd->count; i++) {
        struct geo_point place;

        if (!geo_next_place(call, &place))
            return false;
        geoadd->scores[i] = geo_encode(place);
        (void)args_next(args);
    }
    return true;
}

/* Says what was added as the ZADD that it is. */
static void say_zadd(struct call *call, const struct geoadd *geoadd)
{
    size_t head = 2 + geoadd->options;
    size_t count = head + 2 * geoadd->count;
    struct slice *words;

    if (!ledger_heard_by(call->ledger, LISTENER_FEED))
        return;
    words = arena_take(call->arena, count * sizeof *words);
    words[0] = SLICE("zadd");
    memcpy(words + 1, call->args->words + 1, (head - 1) * sizeof *words);
    for (size_t i = 0; i < geoadd->count; i++) {
        char *digits = arena_take(call->arena, NUMBER_INTEGER_MAX);

        words[head + 2 * i] = slice_of(digits, number_put(digits, (int64_t)geoadd->scores[i]));
        words[head + 2 * i + 1] = geoadd->words[3 * i + 2];
    }
    ledger_say(call->ledger, words, count);
}

static void add_places(struct call *call, const struct geoadd *geoadd, struct zset *zset,
                       size_t *added, size_t *moved)
{
    for (size_t i = 0; i < geoadd->count; i++) {
        enum zset_outcome one = zset_add(zset, call->limits, geoadd->words[3 * i + 2],
                                         geoadd->scores[i], geoadd->terms, NULL);

        *added += one == ZSET_ADDED;
        *moved += one == ZSET_MOVED;
    }
    if (*added + *moved == 0)
        return;
    ledger_changed(call->ledger, geoadd->key, EVENT_ZSET, "zadd");
    ledger_count(call->ledger, *added + *moved - 1);
    say_zadd(call, geoadd);
}

/* GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]: how many are
 * new. */
enum verdict do_geoadd(struct call *call)
{
    struct geoadd geoadd = { .terms = 0 };
    size_t added = 0, moved = 0;
    struct zset *zset;

    if (!next_places(call, &geoadd))
        return VERDICT_REFUSED;

    enum refusal refusal = find_zset(call, geoadd.key, LOOK_WRITE, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset == NULL && !(geoadd.terms & ZSET_IF_THERE) && geoadd.count > 0) {
        zset = zset_new();
        put_zset(call, geoadd.key, zset);
    }
    if (zset != NULL)
        add_places(call, &geoadd, zset, &added, &moved);
    reply_integer(call->reply, (int64_t)(added + (geoadd.changes ? moved : 0)));
    return VERDICT_DONE;
}

/* ---- Telling ---- */

/* GEODIST key member1 member2 [M|KM|FT|MI]: how far from each other they are. */
enum verdict do_geodist(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice one = args_next(call->args);
    struct slice other = args_next(call->args);
    double meters = 1;
    double score, other_score;
    struct zset *zset;

    if (args_left(call->args) > 1)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_more(call->args) && !geo_read_unit(args_next(call->args), &meters))
        return call_refuse(call, REFUSAL_GEO_UNIT);

    enum refusal refusal = find_zset(call, key, LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (zset == NULL || !zset_score(zset, one, &score) || !zset_score(zset, other, &other_score))
        reply_nil(call->reply);
    else
        geo_reply_distance(call->reply,
                           geo_distance(geo_decode(score), geo_decode(other_score)) / meters);
    return VERDICT_DONE;
}

static void reply_text(struct reply *reply, double score)
{
    char text[GEO_TEXT];

    geo_put_text(text, score);
    reply_bulk(reply, slice_of(text, GEO_TEXT));
}

/* Answers for each member with what `show` says of its score. */
static enum verdict reply_members(struct call *call, void (*show)(struct reply *, double),
                                  void (*show_none)(struct reply *))
{
    struct zset *zset;
    enum refusal refusal = find_zset(call, args_next(call->args), LOOK_READ, &zset);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args)) {
        struct slice member = args_next(call->args);
        double score;

        if (zset != NULL && zset_score(zset, member, &score))
            show(call->reply, score);
        else
            show_none(call->reply);
    }
    return VERDICT_DONE;
}

/* GEOHASH key [member ...]: the places as geohash texts. */
enum verdict do_geohash(struct call *call)
{
    return reply_members(call, reply_text, reply_nil);
}

/* GEOPOS key [member ...]: longitude and latitude of each. */
enum verdict do_geopos(struct call *call)
{
    return reply_members(call, geo_reply_place, reply_nil_array);
}
