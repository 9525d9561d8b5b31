/* Which places lie in an area: GEOSEARCH, GEORADIUS and their kin. */
#include "handlers.h"

#include "broker/commands/do_geo_private.h"
#include "broker/commands/do_zset_private.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/values/sorting.h"

/* What the commands differ in. */
enum search_kind {
    SEARCH_POINT = 1 << 0,   /* GEORADIUS: a point, a radius and a unit follow the key */
    SEARCH_MEMBER = 1 << 1,  /* GEORADIUSBYMEMBER: a member, a radius and a unit do */
    SEARCH_FREE = 1 << 2,    /* GEOSEARCH: centre and area are options */
    SEARCH_STORES = 1 << 3,  /* GEOSEARCHSTORE: the destination goes before the key */
    SEARCH_MAY_STORE = 1 << 4/* STORE and STOREDIST are options, with a key */
};

enum search_order { ORDER_NONE, ORDER_NEAREST, ORDER_FARTHEST };

/* What is asked for. */
struct search {
    unsigned     kind;       /* enum search_kind */
    struct slice destination;
    bool         stored;
    bool         store_distance;
    bool         with_distance;
    bool         with_score;
    bool         with_place;
    bool         has_count;
    bool         any;        /* the first so many will do */
    bool         from_member;
    bool         from_place;
    bool         by_radius;
    bool         by_box;
    int64_t      count;
    enum search_order order;
    struct geo_area area;
    double       meters;     /* of the unit */
    const struct zset *zset; /* NULL if there is none */
};

/* A member inside. */
struct hit {
    struct slice member;   /* in the call's arena */
    double       score;
    double       distance; /* in the unit */
};

struct hits {
    struct call   *call;
    const struct search *search;
    struct buffer  room;   /* of struct hit */
    size_t         count;
    size_t         most;
};

/* ---- Reading the words ---- */

/* All of these answer, and return false, if a word is wrong. */

static bool wrong(struct call *call, enum refusal refusal)
{
    call_refuse(call, refusal);
    return false;
}

static bool next_unit(struct call *call, struct search *search)
{
    return geo_read_unit(args_next(call->args), &search->meters) || wrong(call, REFUSAL_GEO_UNIT);
}

static bool next_radius(struct call *call, struct search *search)
{
    double radius;

    if (!number_read_double(args_next(call->args), &radius))
        return wrong(call, REFUSAL_GEO_RADIUS);
    if (radius < 0)
        return wrong(call, REFUSAL_GEO_RADIUS_NEGATIVE);
    if (!next_unit(call, search))
        return false;
    search->area.box = false;
    search->area.radius = radius * search->meters;
    return true;
}

static bool next_box(struct call *call, struct search *search)
{
    double width, height;

    if (!number_read_double(args_next(call->args), &width))
        return wrong(call, REFUSAL_GEO_WIDTH);
    if (!number_read_double(args_next(call->args), &height))
        return wrong(call, REFUSAL_GEO_HEIGHT);
    if (height < 0 || width < 0)
        return wrong(call, REFUSAL_GEO_BOX_NEGATIVE);
    if (!next_unit(call, search))
        return false;
    search->area.box = true;
    search->area.width = width * search->meters;
    search->area.height = height * search->meters;
    return true;
}

/* The place of a member; of a key that is not there, none is asked for. */
static bool next_member(struct call *call, struct search *search)
{
    struct slice member = args_next(call->args);
    double score;

    if (search->zset == NULL)
        return true;
    if (!zset_score(search->zset, member, &score))
        return wrong(call, REFUSAL_GEO_MEMBER);
    search->area.centre = geo_decode(score);
    return true;
}

static bool next_count(struct call *call, struct search *search)
{
    if (!args_next_integer(call->args, &search->count))
        return wrong(call, REFUSAL_NOT_INTEGER);
    if (search->count <= 0)
        return wrong(call, REFUSAL_GEO_COUNT);
    search->has_count = true;
    return true;
}

/* Options that one kind of command has and another has not. */
static bool next_option_of_kind(struct call *call, struct search *search)
{
    struct args *args = call->args;
    size_t left = args_left(args);
    bool may_store = search->kind & SEARCH_MAY_STORE && left > 1;
    bool free = search->kind & SEARCH_FREE;

    if (may_store && args_take(args, SLICE("store"))) {
        search->destination = args_next(args);
        search->stored = true;
        search->store_distance = false;
    } else if (may_store && args_take(args, SLICE("storedist"))) {
        search->destination = args_next(args);
        search->stored = true;
        search->store_distance = true;
    } else if (free && left > 1 && !search->from_place && args_take(args, SLICE("frommember"))) {
        search->from_member = true;
        return next_member(call, search);
    } else if (free && left > 2 && !search->from_member && args_take(args, SLICE("fromlonlat"))) {
        search->from_place = true;
        return geo_next_place(call, &search->area.centre);
    } else if (free && left > 2 && !search->by_box && args_take(args, SLICE("byradius"))) {
        search->by_radius = true;
        return next_radius(call, search);
    } else if (free && left > 3 && !search->by_radius && args_take(args, SLICE("bybox"))) {
        search->by_box = true;
        return next_box(call, search);
    } else if (search->kind & SEARCH_STORES && args_take(args, SLICE("storedist"))) {
        search->store_distance = true;
    } else {
        return wrong(call, REFUSAL_SYNTAX);
    }
    return true;
}

static bool next_option(struct call *call, struct search *search)
{
    struct args *args = call->args;

    if (args_take(args, SLICE("withdist")))
        search->with_distance = true;
    else if (args_take(args, SLICE("withhash")))
        search->with_score = true;
    else if (args_take(args, SLICE("withcoord")))
        search->with_place = true;
    else if (args_take(args, SLICE("any")))
        search->any = true;
    else if (args_take(args, SLICE("asc")))
        search->order = ORDER_NEAREST;
    else if (args_take(args, SLICE("desc")))
        search->order = ORDER_FARTHEST;
    else if (args_left(args) > 1 && args_take(args, SLICE("count")))
        return next_count(call, search);
    else
        return next_option_of_kind(call, search);
    return true;
}

/* What stands between the key and the options. */
static bool next_centre(struct call *call, struct search *search)
{
    struct args *args = call->args;

    if (search->kind & SEARCH_POINT)
        return geo_next_place(call, &search->area.centre) && next_radius(call, search);
    if (search->kind & SEARCH_MEMBER) {
        if (search->zset != NULL)
            return next_member(call, search) && next_radius(call, search);
        args_rewind(args, args_position(args) + 3);
    }
    return true;
}

/* Whether what was asked for is whole and makes sense. */
static bool judge(struct call *call, struct search *search)
{
    int name_length = (int)(call->args->words[0].len & 127);
    const char *name = call->args->words[0].at;

    if (search->stored && (search->with_distance || search->with_score || search->with_place)) {
        call_refuse_with(call, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                         search->kind & SEARCH_STORES ? "GEOSEARCHSTORE"
                                                      : "STORE option in GEORADIUS");
        return false;
    }
    if (search->kind & SEARCH_FREE && !search->from_member && !search->from_place) {
        call_refuse_with(call, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                         name_length, name);
        return false;
    }
    if (search->kind & SEARCH_FREE && !search->by_radius && !search->by_box) {
        call_refuse_with(call, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                         name_length, name);
        return false;
    }
    if (search->any && !search->has_count)
        return wrong(call, REFUSAL_GEO_ANY);
    return true;
}

/* ---- Finding and showing ---- */

static bool note_hit(void *who, struct slice member, double score, double distance)
{
    struct hits *hits = who;
    struct hit hit = { arena_copy(hits->call->arena, member), score,
                       distance / hits->search->meters };

    buffer_add(&hits->room, slice_of(&hit, sizeof hit));
    hits->count++;
    return hits->count < hits->most;
}

/* Puts as many hits in order as are asked for, and forgets the others. */
static void put_in_order(struct hits *hits, enum search_order order)
{
    const struct hit *all = (const struct hit *)(void *)hits->room.at;
    struct sorting_element *elements = memory_new(hits->count * sizeof *elements);
    struct buffer sorted = { 0 };
    size_t count = hits->count;

    if (hits->search->has_count && (uint64_t)hits->search->count < count)
        count = (size_t)hits->search->count;
    for (size_t i = 0; i < hits->count; i++)
        elements[i] = (struct sorting_element){ .weight.number = all[i].distance, .turn = i };
    sorting_place(elements, hits->count, 0, count, order == ORDER_FARTHEST ? SORTING_FALLING : 0);
    for (size_t i = 0; i < count; i++)
        buffer_add(&sorted, slice_of(&all[elements[i].turn], sizeof *all));
    memory_free(elements);
    buffer_clear(&hits->room);
    hits->room = sorted;
    hits->count = count;
}

static void reply_hits(struct call *call, const struct hits *hits)
{
    const struct hit *all = (const struct hit *)(void *)hits->room.at;
    const struct search *search = hits->search;
    size_t parts = 1u + search->with_distance + search->with_score + search->with_place;

    reply_array(call->reply, hits->count);
    for (size_t i = 0; i < hits->count; i++) {
        if (parts > 1)
            reply_array(call->reply, parts);
        reply_bulk(call->reply, all[i].member);
        if (search->with_distance)
            geo_reply_distance(call->reply, all[i].distance);
        if (search->with_score)
            reply_integer(call->reply, (int64_t)all[i].score);
        if (search->with_place)
            geo_reply_place(call->reply, all[i].score);
    }
}

static enum verdict store_hits(struct call *call, const struct hits *hits)
{
    const struct hit *all = (const struct hit *)(void *)hits->room.at;
    const struct search *search = hits->search;
    struct zset *zset = zset_new();

    for (size_t i = 0; i < hits->count; i++)
        (void)zset_add(zset, call->limits, all[i].member,
                       search->store_distance ? all[i].distance : all[i].score, 0, NULL);
    ledger_count(call->ledger, hits->count > 0 ? hits->count - 1 : 0);
    return store_zset(call, search->destination, zset,
                      search->kind & SEARCH_FREE ? "geosearchstore" : "georadiusstore");
}

static enum verdict show(struct call *call, struct search *search)
{
    struct hits hits = { .call = call, .search = search, .most = SIZE_MAX };
    enum search_order order = search->order;
    enum verdict verdict = VERDICT_DONE;

    /* The so many nearest, if not just any. */
    if (search->has_count && !search->any && order == ORDER_NONE)
        order = ORDER_NEAREST;
    if (search->any)
        hits.most = (size_t)search->count;
    if (search->zset != NULL)
        geo_search(search->zset, &search->area, note_hit, &hits);
    if (order != ORDER_NONE)
        put_in_order(&hits, order);
    if (search->stored)
        verdict = store_hits(call, &hits);
    else
        reply_hits(call, &hits);
    buffer_clear(&hits.room);
    return verdict;
}

static enum verdict search_area(struct call *call, unsigned kind)
{
    struct search search = { .kind = kind, .meters = 1 };
    struct zset *zset;
    enum refusal refusal;

    if (kind & SEARCH_STORES) {
        search.destination = args_next(call->args);
        search.stored = true;
    }
    refusal = find_zset(call, args_next(call->args), LOOK_READ, &zset);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    search.zset = zset;
    if (!next_centre(call, &search))
        return VERDICT_REFUSED;
    while (args_more(call->args)) {
        if (!next_option(call, &search))
            return VERDICT_REFUSED;
    }
    if (!judge(call, &search))
        return VERDICT_REFUSED;
    return show(call, &search);
}

/* GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius M|KM|FT|MI|BYBOX
 * width height M|KM|FT|MI [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH] */
enum verdict do_geosearch(struct call *call)
{
    return search_area(call, SEARCH_FREE);
}

/* GEOSEARCHSTORE destination source (as GEOSEARCH) [STOREDIST]: how many members were stored. */
enum verdict do_geosearchstore(struct call *call)
{
    return search_area(call, SEARCH_FREE | SEARCH_STORES);
}

/* GEORADIUS key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
 * [COUNT count [ANY]] [ASC|DESC] [STORE key] [STOREDIST key] */
enum verdict do_georadius(struct call *call)
{
    return search_area(call, SEARCH_POINT | SEARCH_MAY_STORE);
}

/* GEORADIUS_RO key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
 * [COUNT count [ANY]] [ASC|DESC] */
enum verdict do_georadius_ro(struct call *call)
{
    return search_area(call, SEARCH_POINT);
}

/* GEORADIUSBYMEMBER key member radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
 * [COUNT count [ANY]] [ASC|DESC] [STORE key] [STOREDIST key] */
enum verdict do_georadiusbymember(struct call *call)
{
    return search_area(call, SEARCH_MEMBER | SEARCH_MAY_STORE);
}

/* GEORADIUSBYMEMBER_RO key member radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
 * [COUNT count [ANY]] [ASC|DESC] */
enum verdict do_georadiusbymember_ro(struct call *call)
{
    return search_area(call, SEARCH_MEMBER);
}
