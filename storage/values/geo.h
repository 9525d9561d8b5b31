/*
 * Places on earth in a sorted set: a place is a score, 52 bits in which those of
 * latitude and longitude take turns, so that places in the same cell of a grid
 * have scores in a row. The grid of `step` has 2^step times 2^step cells.
 *
 * Distances are those on a sphere (haversine). A search looks at the cell of
 * its centre and the eight around it, on a grid coarse enough for them to hold
 * the area, and asks of each member there whether it is inside. Numbers, and
 * the order in which places are found, are those of Redis.
 *
 * Longitude goes from -180 to 180, latitude from -85.05112878 to 85.05112878.
 */
#ifndef STORAGE_VALUES_GEO_H
#define STORAGE_VALUES_GEO_H

#include "storage/values/zset.h"

enum { GEO_TEXT = 11 }; /* characters of a geohash as text */

struct geo_point {
    double longitude;
    double latitude;
};

/* Whether a point lies where places can be kept. */
bool geo_is_place(struct geo_point point);

/* The score of a place. */
double geo_encode(struct geo_point place);

/* The middle of the smallest cell with this score. Any score will do, though not make sense. */
struct geo_point geo_decode(double score);

/* Writes the geohash of a score as text, as geohash.org has it, without a NUL. */
void geo_put_text(char to[GEO_TEXT], double score);

/* Meters from one point to another. */
double geo_distance(struct geo_point one, struct geo_point other);

/* What is searched: a circle, or a box along the meridians. In meters. */
struct geo_area {
    struct geo_point centre;
    bool             box;
    double           radius; /* of a circle */
    double           width;  /* of a box */
    double           height;
};

/* Is shown a member inside, with its distance from the centre in meters; false ends the search. */
typedef bool geo_visitor(void *who, struct slice member, double score, double distance);

/* Shows the members inside an area, none twice. O(log n) and their number in the nine cells. */
void geo_search(const struct zset *zset, const struct geo_area *area, geo_visitor *visit,
                void *who);

#endif
