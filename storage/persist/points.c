/* The list as a table of names. */
#include "storage/persist/points.h"

#include <stddef.h>

#include "storage/base/faults.h"

static const char *const names[] = {
#define POINT(name, state) #name,
#include "storage/persist/points.def"
#undef POINT
};

void point_reached(struct faults *faults, enum point point)
{
    if (faults != NULL)
        faults_pass(faults, names[point]);
}
