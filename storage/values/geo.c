/* Places as scores, distances, and the search in nine cells. */
#include "storage/values/geo.h"

#include <math.h>

#include "storage/values/zset_range.h"

#define EARTH_RADIUS 6372797.560856
#define MERCATOR_MOST 20037726.37 /* meters of half the equator */
#define RADIANS (M_PI / 180.0)

enum { STEP_MOST = 26 };

/* From where to where a coordinate goes. */
struct bounds {
    double min;
    double max;
};

static const struct bounds longitudes = { -180, 180 };
static const struct bounds latitudes = { -85.05112878, 85.05112878 };
static const struct bounds all_latitudes = { -90, 90 }; /* of geohashes as text */

bool geo_is_place(struct geo_point point)
{
    return point.longitude >= longitudes.min && point.longitude <= longitudes.max &&
           point.latitude >= latitudes.min && point.latitude <= latitudes.max;
}

/* ---- Cells ---- */

/* A cell of a grid, by its place along either axis. */
struct cell {
    uint32_t x;
    uint32_t y;
    unsigned step;
};

/* Puts a zero in front of each bit. */
static uint64_t spread(uint32_t bits)
{
    uint64_t wide = bits;

    wide = (wide | wide << 16) & UINT64_C(0x0000FFFF0000FFFF);
    wide = (wide | wide << 8) & UINT64_C(0x00FF00FF00FF00FF);
    wide = (wide | wide << 4) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    wide = (wide | wide << 2) & UINT64_C(0x3333333333333333);
    return (wide | wide << 1) & UINT64_C(0x5555555555555555);
}

/* Takes every second bit. */
static uint32_t gather(uint64_t wide)
{
    wide &= UINT64_C(0x5555555555555555);
    wide = (wide | wide >> 1) & UINT64_C(0x3333333333333333);
    wide = (wide | wide >> 2) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    wide = (wide | wide >> 4) & UINT64_C(0x00FF00FF00FF00FF);
    wide = (wide | wide >> 8) & UINT64_C(0x0000FFFF0000FFFF);
    return (uint32_t)(wide | wide >> 16);
}

static uint64_t cell_bits(struct cell cell)
{
    return spread(cell.y) | spread(cell.x) << 1;
}

static uint32_t share_of(double value, struct bounds bounds, unsigned step)
{
    double share = (value - bounds.min) / (bounds.max - bounds.min);

    return (uint32_t)(share * (double)(UINT64_C(1) << step));
}

static struct cell cell_of(struct geo_point point, struct bounds latitude, unsigned step)
{
    return (struct cell){ .x = share_of(point.longitude, longitudes, step),
                          .y = share_of(point.latitude, latitude, step),
                          .step = step };
}

static struct bounds part_of(uint32_t place, struct bounds bounds, unsigned step)
{
    double cells = (double)(UINT64_C(1) << step);
    double width = bounds.max - bounds.min;

    return (struct bounds){ bounds.min + ((double)place / cells) * width,
                            bounds.min + ((double)(place + 1) / cells) * width };
}

static double middle_of(uint32_t place, struct bounds bounds)
{
    struct bounds part = part_of(place, bounds, STEP_MOST);
    double middle = (part.min + part.max) / 2;

    return middle > bounds.max ? bounds.max : middle < bounds.min ? bounds.min : middle;
}

/* ---- Scores ---- */

/* The bits of a score; those that are no places have some, as Redis has them on this machine. */
static uint64_t score_bits(double score)
{
    const double half = 9223372036854775808.0; /* 2^63 */

    if (score >= half)
        return score < 2 * half ? (uint64_t)score : 0;
    return score < -half ? UINT64_C(1) << 63 : (uint64_t)(int64_t)score;
}

double geo_encode(struct geo_point place)
{
    return (double)cell_bits(cell_of(place, latitudes, STEP_MOST));
}

struct geo_point geo_decode(double score)
{
    uint64_t bits = score_bits(score);

    return (struct geo_point){ middle_of(gather(bits >> 1), longitudes),
                               middle_of(gather(bits), latitudes) };
}

void geo_put_text(char to[GEO_TEXT], double score)
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_bits(cell_of(geo_decode(score), all_latitudes, STEP_MOST));

    for (unsigned i = 0; i < GEO_TEXT - 1; i++)
        to[i] = letters[bits >> (2 * STEP_MOST - (i + 1) * 5) & 31];
    to[GEO_TEXT - 1] = letters[0]; /* 52 bits are ten letters and a rest, which is not told */
}

/* ---- Distances ---- */

static double latitude_distance(double one, double other)
{
    return EARTH_RADIUS * fabs(other * RADIANS - one * RADIANS);
}

double geo_distance(struct geo_point one, struct geo_point other)
{
    double one_latitude = one.latitude * RADIANS;
    double other_latitude = other.latitude * RADIANS;
    double v = sin((other.longitude * RADIANS - one.longitude * RADIANS) / 2);
    double u;

    if (v == 0)
        return latitude_distance(one.latitude, other.latitude);
    u = sin((other_latitude - one_latitude) / 2);
    return 2.0 * EARTH_RADIUS *
           asin(sqrt(u * u + cos(one_latitude) * cos(other_latitude) * v * v));
}

static bool is_inside(const struct geo_area *area, struct geo_point point, double *distance)
{
    if (area->box) {
        struct geo_point beside = { area->centre.longitude, point.latitude };

        if (latitude_distance(point.latitude, area->centre.latitude) > area->height / 2 ||
            geo_distance(point, beside) > area->width / 2)
            return false;
    }
    *distance = geo_distance(area->centre, point);
    return area->box || !(*distance > area->radius);
}

/* ---- The nine cells ---- */

/* How far an area reaches, roughly. */
struct reach {
    struct bounds longitude;
    struct bounds latitude;
};

static struct reach reach_of(const struct geo_area *area)
{
    struct geo_point centre = area->centre;
    double height = area->box ? area->height / 2 : area->radius;
    double width = area->box ? area->width / 2 : area->radius;
    double up = height / EARTH_RADIUS / RADIANS;
    /* It is widest in degrees where it is nearest to a pole. */
    double edge = centre.latitude < 0 ? centre.latitude - up : centre.latitude + up;
    double aside = width / EARTH_RADIUS / cos(edge * RADIANS) / RADIANS;

    return (struct reach){ { centre.longitude - aside, centre.longitude + aside },
                           { centre.latitude - up, centre.latitude + up } };
}

/* The step of a grid whose cells are about as large as the area. */
static unsigned step_for(const struct geo_area *area)
{
    double radius = area->radius;
    int step = 1;

    if (area->box)
        radius = sqrt(area->width / 2 * (area->width / 2) + area->height / 2 * (area->height / 2));
    if (radius == 0)
        return STEP_MOST;
    for (; radius < MERCATOR_MOST; radius *= 2)
        step++;
    step -= 2; /* so that the area is never wider than the nine cells, mostly */
    if (fabs(area->centre.latitude) > 66) /* near the poles cells are narrow */
        step -= fabs(area->centre.latitude) > 80 ? 2 : 1;
    return step < 1 ? 1 : step > STEP_MOST ? STEP_MOST : (unsigned)step;
}

enum { CELLS = 9 };

/* Where the neighbours lie, in the order in which they are looked at. */
struct way {
    int x;
    int y;
};
static const struct way ways[CELLS] = { { 0, 0 },  { 0, 1 },  { 0, -1 },  { 1, 0 }, { -1, 0 },
                                        { 1, 1 }, { -1, 1 }, { 1, -1 }, { -1, -1 } };

static uint32_t moved(uint32_t place, int by, unsigned step)
{
    return by == 0 ? place : (place + (uint32_t)by) & (uint32_t)((UINT64_C(1) << step) - 1);
}

static struct cell neighbour(struct cell cell, struct way way)
{
    return (struct cell){ moved(cell.x, way.x, cell.step), moved(cell.y, way.y, cell.step),
                          cell.step };
}

/* Whether the area reaches past the cells beside the one in the middle. */
static bool reaches_past(const struct reach *reach, struct cell cell)
{
    struct bounds north = part_of(moved(cell.y, 1, cell.step), latitudes, cell.step);
    struct bounds south = part_of(moved(cell.y, -1, cell.step), latitudes, cell.step);
    struct bounds east = part_of(moved(cell.x, 1, cell.step), longitudes, cell.step);
    struct bounds west = part_of(moved(cell.x, -1, cell.step), longitudes, cell.step);

    return north.max < reach->latitude.max || south.min > reach->latitude.min ||
           east.max < reach->longitude.max || west.min > reach->longitude.min;
}

/* Whether the cell in the middle ends beyond the area on the side where a neighbour lies. */
static bool is_needless(const struct reach *reach, struct cell cell, struct way way)
{
    struct bounds latitude = part_of(cell.y, latitudes, cell.step);
    struct bounds longitude = part_of(cell.x, longitudes, cell.step);

    return (way.y < 0 && latitude.min < reach->latitude.min) ||
           (way.y > 0 && latitude.max > reach->latitude.max) ||
           (way.x < 0 && longitude.min < reach->longitude.min) ||
           (way.x > 0 && longitude.max > reach->longitude.max);
}

static bool search_cell(const struct zset *zset, struct cell cell, const struct geo_area *area,
                        geo_visitor *visit, void *who)
{
    unsigned below = 2 * (STEP_MOST - cell.step);
    uint64_t bits = cell_bits(cell);
    struct zset_scores scores = { .min = (double)(bits << below),
                                  .max = (double)((bits + 1) << below),
                                  .max_open = true };
    struct zset_walk walk;
    struct slice member;
    double score, distance;

    zset_walk_begin(&walk, zset, zset_span_of_scores(zset, &scores), ZSET_RISING);
    while (zset_walk_next(&walk, &member, &score)) {
        if (is_inside(area, geo_decode(score), &distance) && !visit(who, member, score, distance))
            return false;
    }
    return true;
}

void geo_search(const struct zset *zset, const struct geo_area *area, geo_visitor *visit, void *who)
{
    struct reach reach = reach_of(area);
    unsigned step = step_for(area);
    struct cell middle = cell_of(area->centre, latitudes, step);
    uint64_t last = 0;
    bool looked = false; /* at a neighbour */

    if (step > 1 && reaches_past(&reach, middle))
        middle = cell_of(area->centre, latitudes, --step);
    for (unsigned i = 0; i < CELLS; i++) {
        struct cell cell = neighbour(middle, ways[i]);

        if (step >= 2 && is_needless(&reach, middle, ways[i]))
            continue;
        /* On the coarsest grids neighbours on both sides are the same. */
        if (looked && cell_bits(cell) == last)
            continue;
        if (!search_cell(zset, cell, area, visit, who))
            return;
        last = cell_bits(cell);
        looked = i > 0;
    }
}
