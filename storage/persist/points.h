/*
 * The named moments at which a test may end the server; points.def lists them.
 * Without faults handed in, passing one is a comparison, and none is on the path
 * of a statement.
 */
#ifndef STORAGE_PERSIST_POINTS_H
#define STORAGE_PERSIST_POINTS_H

struct faults;

enum point {
#define POINT(name, state) POINT_##name,
#include "storage/persist/points.def"
#undef POINT
    POINT_COUNT
};

/* Says that a point is reached; a process that is to end here does not return. */
void point_reached(struct faults *faults, enum point point);

#endif
