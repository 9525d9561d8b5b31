/*
 * The longest common sequence, a row of bits for each byte of the first string.
 *
 * Bit j of a row is 0 where the length grows from column j to j + 1, that is if
 * byte j of the second string makes the sequence longer; so a fresh row is all
 * ones. In `spots`, bit j of a byte's row says that the second string has this
 * byte at j. With
 *     hit = row & spots, next = (row + hit) | (row & ~spots)
 * each run of ones that holds a hit has its lowest hit turned to 0.
 *
 * What always holds:
 *   (1) Row i follows from row i - 1 and byte i of the first string; row 0, all
 *       ones, is not kept.
 *   (2) Bits from the length of the second string on mean nothing.
 */
#include "storage/values/lcs.h"

#include <string.h>

#include "storage/base/memory.h"

struct lcs {
    struct slice first;
    struct slice second;
    size_t       words;  /* 64-bit words of a row */
    size_t       length; /* of the sequence */
    uint64_t    *rows;   /* of every byte of the first string, or only the last one */
};

/* Where each byte of the first string stands in the second. */
struct spots {
    uint16_t  row_of[256]; /* which row of `bits`; 0 for a byte the first string has not */
    uint64_t *bits;
};

static void find_spots(struct spots *spots, const struct lcs *lcs)
{
    uint16_t rows = 1;

    memset(spots->row_of, 0, sizeof spots->row_of);
    for (size_t i = 0; i < lcs->first.len; i++) {
        uint16_t *row = &spots->row_of[(unsigned char)lcs->first.at[i]];

        if (*row == 0)
            *row = rows++;
    }
    spots->bits = memory_new_zeroed((size_t)rows * lcs->words, sizeof(uint64_t));
    for (size_t j = 0; j < lcs->second.len; j++) {
        size_t row = spots->row_of[(unsigned char)lcs->second.at[j]];

        spots->bits[row * lcs->words + j / 64] |= UINT64_C(1) << (j % 64);
    }
}

/* Makes the row below `above`, which may be the same. */
static void next_row(uint64_t *row, const uint64_t *above, const uint64_t *spots, size_t words)
{
    uint64_t carry = 0;

    for (size_t k = 0; k < words; k++) {
        uint64_t old = above[k];
        uint64_t hit = old & spots[k];
        uint64_t sum = old + hit;
        uint64_t with_carry = sum + carry;

        carry = (uint64_t)(sum < old) | (uint64_t)(with_carry < sum);
        row[k] = with_carry | (old & ~spots[k]);
    }
}

static bool grows(const uint64_t *row, size_t column)
{
    return (row[column / 64] >> (column % 64) & 1) == 0;
}

static size_t count_growth(const uint64_t *row, size_t columns)
{
    size_t count = 0;

    for (size_t k = 0; k < columns / 64; k++)
        count += (size_t)__builtin_popcountll(~row[k]);
    for (size_t j = columns / 64 * 64; j < columns; j++)
        count += grows(row, j);
    return count;
}

struct lcs *lcs_new(struct slice first, struct slice second, bool walkable)
{
    struct lcs *lcs = memory_new(sizeof *lcs);
    size_t words = (second.len + 63) / 64;
    size_t step = walkable ? words : 0; /* from one row to the next */
    uint64_t *row, *above;
    struct spots spots;

    *lcs = (struct lcs){ .first = first, .second = second, .words = words };
    if (first.len == 0 || second.len == 0)
        return lcs;
    find_spots(&spots, lcs);
    lcs->rows = memory_new((walkable ? first.len : 1) * words * sizeof(uint64_t));
    row = above = lcs->rows;
    memset(row, 0xFF, words * sizeof(uint64_t));
    for (size_t i = 0; i < first.len; i++) {
        size_t which = spots.row_of[(unsigned char)first.at[i]];

        next_row(row, above, spots.bits + which * words, words);
        above = row;
        row += step;
    }
    memory_free(spots.bits);
    lcs->length = count_growth(above, second.len);
    return lcs;
}

void lcs_free(struct lcs *lcs)
{
    if (lcs == NULL)
        return;
    memory_free(lcs->rows);
    memory_free(lcs);
}

size_t lcs_length(const struct lcs *lcs)
{
    return lcs->length;
}

void lcs_walk_begin(struct lcs_walk *walk, const struct lcs *lcs)
{
    *walk = (struct lcs_walk){ lcs, lcs->first.len, lcs->second.len };
}

bool lcs_walk_next(struct lcs_walk *walk, struct lcs_run *run)
{
    const struct lcs *lcs = walk->lcs;

    run->length = 0;
    while (walk->first > 0 && walk->second > 0) {
        if (lcs->first.at[walk->first - 1] == lcs->second.at[walk->second - 1]) {
            walk->first--;
            walk->second--;
            run->length++;
            continue;
        }
        if (run->length > 0)
            break;
        if (grows(lcs->rows + (walk->first - 1) * lcs->words, walk->second - 1))
            walk->first--;
        else
            walk->second--;
    }
    run->first = walk->first;
    run->second = walk->second;
    return run->length > 0;
}
