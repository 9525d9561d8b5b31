/*
 * The longest sequence of bytes that two strings have in common, not
 * necessarily side by side.
 *
 * The length of the longest sequence of the first i and the first j bytes grows
 * by 0 or 1 from one j to the next. A row of these steps is kept as bits, so one
 * row follows from the one above by an addition with carry, 64 columns at a
 * time (Hyyro, "Bit-parallel LCS-length computation revisited", 2004). Which of
 * several equally long sequences is shown is decided as Redis decides: from the
 * ends backwards, leaving out a byte of the first string where that costs
 * nothing, else one of the second.
 *
 * Costs: n * m / 64 steps, where n and m are the lengths. Of memory m / 8 bytes
 * for each different byte of the first string, and n * m / 8 if the sequence
 * itself is to be walked; a 64th of that for each cell of a plain table.
 */
#ifndef STORAGE_VALUES_LCS_H
#define STORAGE_VALUES_LCS_H

#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

struct lcs;

/*
 * Compares two strings, which are borrowed until it is freed. Without `walkable`
 * only the length can be asked for. The caller bounds n * m.
 */
struct lcs *lcs_new(struct slice first, struct slice second, bool walkable);
void lcs_free(struct lcs *lcs); /* NULL is fine. */

/* How long the sequence is. O(1). */
size_t lcs_length(const struct lcs *lcs);

/* A run of the sequence that stands side by side in both strings. */
struct lcs_run {
    size_t first;  /* where it begins in the first string */
    size_t second; /* and in the second */
    size_t length; /* more than 0 */
};

/* A walk over the runs, from the last to the first; nothing needs to be ended. */
struct lcs_walk {
    /* Private. */
    const struct lcs *lcs;
    size_t first;  /* bytes of either string that are not walked yet */
    size_t second;
};
void lcs_walk_begin(struct lcs_walk *walk, const struct lcs *lcs);
MUST_USE bool lcs_walk_next(struct lcs_walk *walk, struct lcs_run *run);

#endif
