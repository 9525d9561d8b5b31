/*
 * HyperLogLog: adding to registers, sparse and dense.
 *
 * What always holds of a log that was made here:
 *   (1) The runs of a sparse one make up exactly HYPERLOG_REGISTERS registers.
 *   (2) Neighbouring runs of the same value that were changed last are one run
 *       if one run can say it (four registers).
 *   (3) No register is above 51: a hash has 64 bits, 14 of which choose it.
 *
 * Of a log that came from elsewhere only the head was looked at. Reading a run
 * never passes the end of the string, nor is a register beyond the last one
 * ever touched.
 */
#include "storage/values/hyperlog.h"

#include "storage/values/hyperlog_private.h"

enum {
    ENCODING_DENSE = 0,
    ENCODING_SPARSE = 1,
    ENCODING_AT = 4,
    INDEX_BITS = 14,
    ZERO_SHORT_MOST = 64, /* registers that a short run of zeros can say */
    VALUE_MOST = 32,      /* the highest value that a run can say, */
    VALUE_RUN_MOST = 4,   /* and for how many registers */
    LOOK_AHEAD = 5        /* runs looked at for neighbours to be joined */
};

#define HASH_SEED UINT64_C(0xadc83b19)

/* MurmurHash64A over little-endian words. */
static uint64_t hash_of(struct slice bytes)
{
    const uint64_t factor = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t hash = HASH_SEED ^ (bytes.len * factor);
    uint64_t word;

    for (; bytes.len >= sizeof(word); bytes = slice_after(bytes, sizeof(word))) {
        memcpy(&word, bytes.at, sizeof(word));
        word = little_endian(word) * factor;
        word = (word ^ word >> 47) * factor;
        hash = (hash ^ word) * factor;
    }
    if (bytes.len > 0) {
        word = 0;
        memcpy(&word, bytes.at, bytes.len);
        hash = (hash ^ little_endian(word)) * factor;
    }
    hash = (hash ^ hash >> 47) * factor;
    return hash ^ hash >> 47;
}

/* What an element does: it raises one register to a value. */
struct raise {
    unsigned index;
    uint8_t value;
};

static struct raise raise_of(struct slice element)
{
    uint64_t hash = hash_of(element);
    /* A bit beyond the hash's end bounds the run of zeros. */
    uint64_t rest = hash >> INDEX_BITS | UINT64_C(1) << (64 - INDEX_BITS);

    return (struct raise){ (unsigned)(hash & (HYPERLOG_REGISTERS - 1)),
                           (uint8_t)(__builtin_ctzll(rest) + 1) };
}

/* ---- The head ---- */

bool hyperlog_is_dense(struct slice log)
{
    return log.at[ENCODING_AT] == ENCODING_DENSE;
}

bool hyperlog_is(struct slice log)
{
    if (log.len < HYPERLOG_HEAD || memcmp(log.at, "HYLL", 4) != 0)
        return false;
    if (hyperlog_is_dense(log))
        return log.len == HYPERLOG_DENSE;
    return log.at[ENCODING_AT] == ENCODING_SPARSE;
}

static void begin_head(char *to, char encoding)
{
    memset(to, 0, HYPERLOG_HEAD);
    memcpy(to, "HYLL", 4);
    to[ENCODING_AT] = encoding;
}

/* ---- Runs ---- */

/* Writes a run, none for no registers; returns its size. */
static size_t put_run(char *to, unsigned value, unsigned length)
{
    if (length == 0)
        return 0;
    if (value > 0) {
        to[0] = (char)(0x80 | (value - 1) << 2 | (length - 1));
        return 1;
    }
    if (length <= ZERO_SHORT_MOST) {
        to[0] = (char)(length - 1);
        return 1;
    }
    to[0] = (char)(0x40 | (length - 1) >> 8);
    to[1] = (char)((length - 1) & 0xFF);
    return 2;
}

void hyperlog_begin(char *to)
{
    begin_head(to, ENCODING_SPARSE);
    put_run(to + HYPERLOG_HEAD, 0, HYPERLOG_REGISTERS);
}

/* Where a run lies: its first byte, and the register it begins with. */
struct place {
    size_t at;
    unsigned first;
};

/* Finds the run of a register, searching from a run on. `before` becomes the run before it, or
 * stays. False if the runs end earlier. */
static bool find_run(struct slice log, unsigned index, struct place *before, struct place *found,
                     struct hyperlog_run *run)
{
    *found = *before;
    while (hyperlog_run_read(log, found->at, run)) {
        if (index < found->first + run->length)
            return true;
        *before = *found;
        found->at += run->size;
        found->first += run->length;
    }
    return false;
}

/* Joins neighbouring runs of one value, from a place on. */
static void join_runs(struct buffer *log, size_t at)
{
    struct hyperlog_run run;
    struct hyperlog_run next;

    for (unsigned looks = 0; looks < LOOK_AHEAD; looks++) {
        struct slice bytes = buffer_slice(log);

        if (!hyperlog_run_read(bytes, at, &run))
            return;
        if (run.value > 0 && hyperlog_run_read(bytes, at + 1, &next) &&
            next.value == run.value && next.length + run.length <= VALUE_RUN_MOST) {
            put_run(log->at + at, run.value, run.length + next.length);
            memmove(log->at + at + 1, log->at + at + 2, log->len - at - 2);
            log->len--;
        } else {
            at += run.size;
        }
    }
}

static enum hyperlog_outcome raise_in_dense(struct buffer *log, struct raise raise)
{
    if (!hyperlog_make_dense(log))
        return HYPERLOG_BROKEN;
    return hyperlog_raise_register(log->at, raise.index, raise.value) ? HYPERLOG_CHANGED
                                                                      : HYPERLOG_SAME;
}

/*
 * Raises one register of a sparse log. The search begins at `from`, a run at or
 * before the register's; there the run before the changed one is left, so that
 * registers may be raised in rising order without beginning anew each time.
 */
static enum hyperlog_outcome raise_in_sparse(struct buffer *log, size_t sparse_most,
                                             struct place *from, struct raise raise)
{
    struct hyperlog_run run;
    struct place place;
    char parts[5]; /* at most: a long run of zeros, one register, a long run of zeros */
    size_t size;

    if (raise.value > VALUE_MOST)
        return raise_in_dense(log, raise);
    if (!find_run(buffer_slice(log), raise.index, from, &place, &run))
        return HYPERLOG_BROKEN;
    if (run.value >= raise.value)
        return HYPERLOG_SAME;

    size = put_run(parts, run.value, raise.index - place.first);
    size += put_run(parts + size, raise.value, 1);
    size += put_run(parts + size, run.value, place.first + run.length - 1 - raise.index);
    if (size > run.size && log->len + size - run.size > sparse_most)
        return raise_in_dense(log, raise);
    (void)buffer_reserve(log, sizeof(parts));
    memmove(log->at + place.at + size, log->at + place.at + run.size,
            log->len - place.at - run.size);
    memcpy(log->at + place.at, parts, size);
    log->len = log->len + size - run.size;
    join_runs(log, from->at);
    return HYPERLOG_CHANGED;
}

/* ---- Adding ---- */

bool hyperlog_would_raise(const char *log, struct slice element)
{
    struct raise raise = raise_of(element);

    return hyperlog_register(log, raise.index) < raise.value;
}

bool hyperlog_add_dense(char *log, struct slice element)
{
    struct raise raise = raise_of(element);

    return hyperlog_raise_register(log, raise.index, raise.value);
}

enum hyperlog_outcome hyperlog_add(struct buffer *log, size_t sparse_most, struct slice element)
{
    struct raise raise = raise_of(element);
    struct place begin = { HYPERLOG_HEAD, 0 };

    if (hyperlog_is_dense(buffer_slice(log)))
        return raise_in_dense(log, raise);
    return raise_in_sparse(log, sparse_most, &begin, raise);
}

bool hyperlog_make_dense(struct buffer *log)
{
    struct buffer dense = { 0 };
    struct slice sparse = buffer_slice(log);
    struct hyperlog_run run;
    unsigned index = 0;
    char *to;

    if (hyperlog_is_dense(sparse))
        return true;
    to = buffer_reserve(&dense, HYPERLOG_DENSE);
    buffer_commit(&dense, HYPERLOG_DENSE);
    memcpy(to, sparse.at, HYPERLOG_HEAD);
    memset(to + HYPERLOG_HEAD, 0, HYPERLOG_DENSE - HYPERLOG_HEAD);
    to[ENCODING_AT] = ENCODING_DENSE;
    for (size_t at = HYPERLOG_HEAD; at < sparse.len; at += run.size) {
        if (!hyperlog_run_read(sparse, at, &run) || run.length > HYPERLOG_REGISTERS - index)
            goto broken;
        for (unsigned i = 0; run.value > 0 && i < run.length; i++)
            hyperlog_raise_register(to, index + i, run.value);
        index += run.length;
    }
    if (index != HYPERLOG_REGISTERS)
        goto broken;
    buffer_clear(log);
    *log = dense;
    return true;

broken:
    buffer_clear(&dense);
    return false;
}

enum hyperlog_outcome hyperlog_raise(struct buffer *log, size_t sparse_most,
                                     const struct hyperlog_registers *registers)
{
    struct place from = { HYPERLOG_HEAD, 0 };
    enum hyperlog_outcome total = HYPERLOG_SAME;

    for (unsigned index = 0; index < HYPERLOG_REGISTERS; index++) {
        struct raise raise = { index, registers->at[index] };
        enum hyperlog_outcome outcome;

        if (raise.value == 0)
            continue;
        if (hyperlog_is_dense(buffer_slice(log)))
            outcome = raise_in_dense(log, raise);
        else
            outcome = raise_in_sparse(log, sparse_most, &from, raise);
        if (outcome == HYPERLOG_BROKEN)
            return HYPERLOG_BROKEN;
        if (outcome == HYPERLOG_CHANGED)
            total = HYPERLOG_CHANGED;
    }
    return total;
}
