/*
 * HyperLogLog: estimating from registers.
 *
 * How many registers have each value is all that the estimate depends on, so
 * that is counted first, whatever the encoding.
 */
#include <math.h>

#include "storage/values/hyperlog_private.h"

#include "storage/base/number.h"

enum { ESTIMATE_AT = 8, VALUES = 64, HASH_REST = 50 }; /* bits of a hash that registers count */

/* How many registers have each value. */
struct histogram {
    uint32_t of[VALUES];
};

/* ---- The estimate that is written down ---- */

bool hyperlog_known(struct slice log, uint64_t *count)
{
    memcpy(count, log.at + ESTIMATE_AT, sizeof(*count));
    *count = little_endian(*count);
    return *count >> 63 == 0;
}

void hyperlog_remember(char *log, uint64_t count)
{
    count = little_endian(count);
    memcpy(log + ESTIMATE_AT, &count, sizeof(count));
}

void hyperlog_forget(char *log)
{
    log[HYPERLOG_HEAD - 1] = (char)((unsigned char)log[HYPERLOG_HEAD - 1] | 0x80);
}

/* ---- Registers ---- */

/* Four registers are three bytes, lowest bits first. */
static inline uint32_t four_registers(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

static bool count_sparse(struct slice log, struct histogram *histogram)
{
    struct hyperlog_run run;
    unsigned index = 0;

    for (size_t at = HYPERLOG_HEAD; at < log.len; at += run.size) {
        if (!hyperlog_run_read(log, at, &run) || run.length > HYPERLOG_REGISTERS - index)
            return false;
        histogram->of[run.value] += run.length;
        index += run.length;
    }
    return index == HYPERLOG_REGISTERS;
}

static void count_dense(struct slice log, struct histogram *histogram)
{
    /* Four histograms, so that counting equal neighbours does not wait for each other. */
    uint32_t parts[4][VALUES] = { { 0 } };
    const unsigned char *at = (const unsigned char *)log.at + HYPERLOG_HEAD;

    for (unsigned index = 0; index < HYPERLOG_REGISTERS; index += 4, at += 3) {
        uint32_t four = four_registers(at);

        parts[0][four & 0x3F]++;
        parts[1][four >> 6 & 0x3F]++;
        parts[2][four >> 12 & 0x3F]++;
        parts[3][four >> 18]++;
    }
    for (unsigned value = 0; value < VALUES; value++)
        histogram->of[value] =
            parts[0][value] + parts[1][value] + parts[2][value] + parts[3][value];
}

static void raise_to(uint8_t *at, uint32_t value)
{
    if (*at < value)
        *at = (uint8_t)value;
}

static void gather_dense(struct slice log, struct hyperlog_registers *registers)
{
    const unsigned char *at = (const unsigned char *)log.at + HYPERLOG_HEAD;

    for (unsigned index = 0; index < HYPERLOG_REGISTERS; index += 4, at += 3) {
        uint32_t four = four_registers(at);

        raise_to(&registers->at[index], four & 0x3F);
        raise_to(&registers->at[index + 1], four >> 6 & 0x3F);
        raise_to(&registers->at[index + 2], four >> 12 & 0x3F);
        raise_to(&registers->at[index + 3], four >> 18);
    }
}

bool hyperlog_gather(struct slice log, struct hyperlog_registers *registers)
{
    struct hyperlog_run run;
    unsigned index = 0;

    if (hyperlog_is_dense(log)) {
        gather_dense(log, registers);
        return true;
    }
    for (size_t at = HYPERLOG_HEAD; at < log.len; at += run.size) {
        if (!hyperlog_run_read(log, at, &run) || run.length > HYPERLOG_REGISTERS - index)
            return false;
        for (unsigned i = 0; run.value > 0 && i < run.length; i++)
            raise_to(&registers->at[index + i], run.value);
        index += run.length;
    }
    return index == HYPERLOG_REGISTERS;
}

/* ---- The estimator: Ertl's, section 4 of the paper; his names are sigma and tau ---- */

/* What registers that nothing has reached contribute; x is their share. */
static double untouched(double x)
{
    double weight = 1;
    double sum = x;
    double before;

    if (x == 1.0)
        return INFINITY;
    do {
        before = sum;
        x *= x;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

/* What registers that can rise no further contribute; x is the share of the others. */
static double saturated(double x)
{
    double weight = 1;
    double sum = 1 - x;
    double before;

    if (x == 0.0 || x == 1.0)
        return 0;
    do {
        before = sum;
        x = sqrt(x);
        weight *= 0.5;
        sum -= pow(1 - x, 2) * weight;
    } while (sum != before);
    return sum / 3;
}

static uint64_t estimate(const struct histogram *histogram)
{
    const double registers = HYPERLOG_REGISTERS;
    const double alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = registers * saturated((registers - histogram->of[HASH_REST + 1]) / registers);

    for (unsigned value = HASH_REST; value >= 1; value--)
        z = (z + histogram->of[value]) * 0.5;
    z += registers * untouched(histogram->of[0] / registers);
    return (uint64_t)llroundl(alpha * registers * registers / z);
}

bool hyperlog_estimate(struct slice log, uint64_t *count)
{
    struct histogram histogram = { { 0 } };

    if (hyperlog_is_dense(log))
        count_dense(log, &histogram);
    else if (!count_sparse(log, &histogram))
        return false;
    *count = estimate(&histogram);
    return true;
}

uint64_t hyperlog_estimate_registers(const struct hyperlog_registers *registers)
{
    struct histogram histogram = { { 0 } };

    for (unsigned index = 0; index < HYPERLOG_REGISTERS; index++)
        histogram.of[registers->at[index] & (VALUES - 1)]++;
    return estimate(&histogram);
}

/* ---- Looking inside ---- */

void hyperlog_describe(struct slice log, struct buffer *text)
{
    struct hyperlog_run run;

    for (size_t at = HYPERLOG_HEAD; hyperlog_run_read(log, at, &run); at += run.size) {
        if (at > HYPERLOG_HEAD)
            buffer_add_byte(text, ' ');
        if (run.value > 0) {
            buffer_add(text, SLICE("v:"));
            buffer_add_integer(text, run.value);
            buffer_add_byte(text, ',');
        } else {
            buffer_add(text, run.size == 1 ? SLICE("z:") : SLICE("Z:"));
        }
        buffer_add_integer(text, run.length);
    }
}

/* Whether an estimate is within four standard deviations. */
static bool is_near(uint64_t count, uint64_t real)
{
    double error = (double)count - (double)real;

    return fabs(error) <= 4 * 0.0081 * (double)real + 1;
}

/* Adds numbers to a sparse and a dense log, which must agree all along. */
static const char *test_counting(struct buffer *sparse, struct buffer *dense)
{
    char digits[NUMBER_INTEGER_MAX];
    uint64_t count;
    uint64_t other;

    for (int64_t real = 1; real <= 200000; real++) {
        struct slice element = slice_of(digits, number_put(digits, real * 7919));
        enum hyperlog_outcome outcome = hyperlog_add(sparse, 3000, element);

        if (hyperlog_add_dense(dense->at, element) != (outcome == HYPERLOG_CHANGED))
            return "sparse and dense registers differ";
        if ((real & (real - 1)) != 0)
            continue;
        if (!hyperlog_estimate(buffer_slice(sparse), &count) ||
            !hyperlog_estimate(buffer_slice(dense), &other) || count != other)
            return "sparse and dense estimates differ";
        if (!is_near(count, (uint64_t)real))
            return "the error of an estimate is too large";
    }
    return NULL;
}

const char *hyperlog_self_test(void)
{
    struct buffer sparse = { 0 };
    struct buffer dense = { 0 };
    const char *wrong = NULL;

    hyperlog_begin(buffer_reserve(&sparse, HYPERLOG_EMPTY));
    buffer_commit(&sparse, HYPERLOG_EMPTY);
    buffer_add(&dense, buffer_slice(&sparse));
    if (!hyperlog_make_dense(&dense))
        wrong = "an empty log is broken";
    for (unsigned index = 0; wrong == NULL && index < HYPERLOG_REGISTERS; index++) {
        uint8_t value = (uint8_t)(1 + index % 63);

        if (!hyperlog_raise_register(dense.at, index, value) ||
            hyperlog_register(dense.at, index) != value)
            wrong = "a register does not hold what was put in";
    }
    memset(dense.at + HYPERLOG_HEAD, 0, HYPERLOG_DENSE - HYPERLOG_HEAD);
    if (wrong == NULL)
        wrong = test_counting(&sparse, &dense);
    buffer_clear(&sparse);
    buffer_clear(&dense);
    return wrong;
}
