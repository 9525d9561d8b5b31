/*
 * One element at a time; nothing here knows what elements make up a value.
 *
 * What always holds:
 *   (1) No more is allocated for a string than the bytes that are really there
 *       allow: growing as they come, or LZF_GROWTH times as much.
 */
#include "storage/format/rdb_format.h"

#include <liblzf/lzf.h>
#include <math.h>
#include <string.h>

#include "storage/base/memory.h"
#include "storage/base/number.h"

enum {
    SHORT_MAX = 63,       /* one byte */
    MEDIUM_MAX = 16383,   /* two */
    LENGTH_32 = 0x80,
    LENGTH_64 = 0x81,
    SPECIAL = 0xC0,
    SPECIAL_INT8 = 0,
    SPECIAL_INT16 = 1,
    SPECIAL_INT32 = 2,
    SPECIAL_LZF = 3,
    PACK_FROM = 21,       /* shorter strings are never packed */
    PACK_GAIN = 4,        /* bytes that packing must save, its head included */
    INTEGER_DIGITS = 11,  /* of 32 bits, with the sign */
    LZF_GROWTH = 88,      /* three bytes say at most 264 */
    DIGITS_NAN = 253,
    DIGITS_INFINITY = 254,
    DIGITS_MINUS_INFINITY = 255
};

/* ---- The head ---- */

bool rdb_begins(struct slice bytes)
{
    return bytes.len >= RDB_SIGN_LEN && memcmp(bytes.at, "REDIS", RDB_SIGN_LEN) == 0;
}

int rdb_version_of(struct slice head)
{
    int version = 0;

    for (int i = RDB_SIGN_LEN; i < RDB_HEAD_LEN; i++) {
        if (head.at[i] < '0' || head.at[i] > '9')
            return -1;
        version = version * 10 + (head.at[i] - '0');
    }
    return version;
}

/* ---- Writing ---- */

void rdb_writer_init(struct rdb_writer *writer, struct writer *to, bool compress)
{
    *writer = (struct rdb_writer){ .to = to, .compress = compress };
}

void rdb_writer_clear(struct rdb_writer *writer)
{
    buffer_clear(&writer->room);
    buffer_clear(&writer->joint);
}

void rdb_put_raw(struct rdb_writer *writer, struct slice bytes)
{
    writer_put(writer->to, bytes);
}

void rdb_put_byte(struct rdb_writer *writer, unsigned byte)
{
    char one = (char)byte;

    writer_put(writer->to, slice_of(&one, 1));
}

/* The bytes of a number, the lowest first. */
static void store_little(unsigned char *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (unsigned char)(number >> (8 * i));
}

static uint64_t load_little(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static void store_big(unsigned char *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
}

static uint64_t load_big(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

void rdb_put_length(struct rdb_writer *writer, uint64_t length)
{
    unsigned char head[9];
    unsigned size;

    if (length <= SHORT_MAX) {
        head[0] = (unsigned char)length;
        size = 1;
    } else if (length <= MEDIUM_MAX) {
        store_big(head, length | 0x4000, 2);
        size = 2;
    } else if (length <= UINT32_MAX) {
        head[0] = LENGTH_32;
        store_big(head + 1, length, 4);
        size = 5;
    } else {
        head[0] = LENGTH_64;
        store_big(head + 1, length, 8);
        size = 9;
    }
    writer_put(writer->to, slice_of(head, size));
}

/* Writes a small integer in two to five bytes; false if it is larger. */
static bool put_special(struct rdb_writer *writer, int64_t value)
{
    unsigned char head[5];
    unsigned bytes;

    if (value >= INT8_MIN && value <= INT8_MAX) {
        head[0] = SPECIAL | SPECIAL_INT8;
        bytes = 1;
    } else if (value >= INT16_MIN && value <= INT16_MAX) {
        head[0] = SPECIAL | SPECIAL_INT16;
        bytes = 2;
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        head[0] = SPECIAL | SPECIAL_INT32;
        bytes = 4;
    } else {
        return false;
    }
    store_little(head + 1, (uint64_t)value, bytes);
    writer_put(writer->to, slice_of(head, bytes + 1));
    return true;
}

/* Writes a string packed; false if that saves nothing. */
static bool put_packed(struct rdb_writer *writer, struct slice bytes)
{
    unsigned most = (unsigned)(bytes.len - PACK_GAIN);
    unsigned packed;
    char *to;

    if (bytes.len > UINT32_MAX)
        return false;
    buffer_rewind(&writer->room);
    to = buffer_reserve(&writer->room, most);
    packed = lzf_compress(bytes.at, (unsigned)bytes.len, to, most);
    if (packed == 0)
        return false;
    rdb_put_byte(writer, SPECIAL | SPECIAL_LZF);
    rdb_put_length(writer, packed);
    rdb_put_length(writer, bytes.len);
    writer_put(writer->to, slice_of(to, packed));
    return true;
}

void rdb_put_string(struct rdb_writer *writer, struct slice bytes)
{
    int64_t integer;

    if (bytes.len <= INTEGER_DIGITS && number_read(bytes, &integer) &&
        put_special(writer, integer))
        return;
    if (bytes.len >= PACK_FROM && writer->compress && put_packed(writer, bytes))
        return;
    rdb_put_length(writer, bytes.len);
    writer_put(writer->to, bytes);
}

void rdb_put_integer(struct rdb_writer *writer, int64_t value)
{
    char digits[NUMBER_INTEGER_MAX];
    size_t len;

    if (put_special(writer, value))
        return;
    len = number_put(digits, value);
    rdb_put_length(writer, len);
    writer_put(writer->to, slice_of(digits, len));
}

void rdb_put_joint(struct rdb_writer *writer)
{
    rdb_put_string(writer, buffer_slice(&writer->joint));
    buffer_rewind(&writer->joint);
}

void rdb_put_double(struct rdb_writer *writer, double value)
{
    unsigned char bytes[8];
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    store_little(bytes, bits, 8);
    writer_put(writer->to, slice_of(bytes, 8));
}

void rdb_put_millis(struct rdb_writer *writer, int64_t at)
{
    unsigned char bytes[8];

    store_little(bytes, (uint64_t)at, 8);
    writer_put(writer->to, slice_of(bytes, 8));
}

/* ---- Reading ---- */

void rdb_reader_init(struct rdb_reader *reader, struct reader *from, uint64_t end)
{
    *reader = (struct rdb_reader){ .from = from, .end = end };
}

void rdb_reader_clear(struct rdb_reader *reader)
{
    for (unsigned i = 0; i < RDB_TEXTS; i++)
        buffer_clear(&reader->texts[i]);
    buffer_clear(&reader->packed);
}

bool rdb_refuse(struct rdb_reader *reader, const char *reason)
{
    if (reader->reason == NULL)
        reader->reason = reason;
    return false;
}

uint64_t rdb_left(const struct rdb_reader *reader)
{
    uint64_t at = reader_position(reader->from);

    return reader->end > at ? reader->end - at : 0;
}

bool rdb_get_raw(struct rdb_reader *reader, void *to, size_t len)
{
    return reader_get(reader->from, to, len) ||
           rdb_refuse(reader, "it ends in the middle of a value");
}

bool rdb_get_byte(struct rdb_reader *reader, unsigned *byte)
{
    unsigned char one;

    if (!rdb_get_raw(reader, &one, 1))
        return false;
    *byte = one;
    return true;
}

/* A length, or what a special string is. */
static bool get_head(struct rdb_reader *reader, uint64_t *length, bool *special)
{
    unsigned char more[8];
    unsigned first;

    *special = false;
    if (!rdb_get_byte(reader, &first))
        return false;
    switch (first >> 6) {
    case 0:
        *length = first;
        return true;
    case 1:
        if (!rdb_get_raw(reader, more, 1))
            return false;
        *length = (first & 0x3F) << 8 | more[0];
        return true;
    case 3:
        *length = first & 0x3F;
        *special = true;
        return true;
    default:
        break;
    }
    if (first != LENGTH_32 && first != LENGTH_64)
        return rdb_refuse(reader, "a length is of no known kind");
    if (!rdb_get_raw(reader, more, first == LENGTH_32 ? 4 : 8))
        return false;
    *length = load_big(more, first == LENGTH_32 ? 4 : 8);
    return true;
}

bool rdb_get_length(struct rdb_reader *reader, uint64_t *length)
{
    bool special;

    if (!get_head(reader, length, &special))
        return false;
    return !special || rdb_refuse(reader, "a string stands where a length should");
}

bool rdb_get_count(struct rdb_reader *reader, uint64_t least, uint64_t *count)
{
    if (!rdb_get_length(reader, count))
        return false;
    return *count <= rdb_left(reader) / least ||
           rdb_refuse(reader, "it has more elements than bytes for them");
}

static bool get_special_integer(struct rdb_reader *reader, uint64_t kind, int64_t *value)
{
    unsigned bytes = kind == SPECIAL_INT8 ? 1 : kind == SPECIAL_INT16 ? 2 : 4;
    unsigned char raw[4];

    if (!rdb_get_raw(reader, raw, bytes))
        return false;
    *value = (int64_t)(load_little(raw, bytes) << (64 - 8 * bytes)) >> (64 - 8 * bytes);
    return true;
}

/* Reads `len` bytes into a buffer, which then holds them alone. */
static bool get_bytes(struct rdb_reader *reader, struct buffer *into, uint64_t len)
{
    buffer_rewind(into);
    if (len > rdb_left(reader) || len > RDB_STRING_MAX)
        return rdb_refuse(reader, "a string is longer than what is left");
    (void)buffer_reserve(into, 1);
    return reader_get_into(reader->from, into, len) ||
           rdb_refuse(reader, "it ends in the middle of a string");
}

static bool get_packed(struct rdb_reader *reader, struct buffer *into)
{
    uint64_t packed, len;
    char *to;

    if (!rdb_get_length(reader, &packed) || !rdb_get_length(reader, &len))
        return false;
    if (packed > rdb_left(reader) || packed > UINT32_MAX || packed == 0)
        return rdb_refuse(reader, "a packed string is longer than what is left");
    if (len > packed * LZF_GROWTH || len > RDB_STRING_MAX || len == 0)
        return rdb_refuse(reader, "a packed string cannot become so long");
    if (!get_bytes(reader, &reader->packed, packed))
        return false;
    buffer_rewind(into);
    to = buffer_reserve(into, len);
    if (lzf_decompress(reader->packed.at, (unsigned)packed, to, (unsigned)len) != len)
        return rdb_refuse(reader, "a packed string cannot be unpacked");
    buffer_commit(into, len);
    return true;
}

bool rdb_get_value(struct rdb_reader *reader, unsigned place, bool *is_integer, int64_t *integer,
                   struct slice *bytes)
{
    struct buffer *into = &reader->texts[place];
    uint64_t length;
    bool special;

    *is_integer = false;
    if (!get_head(reader, &length, &special))
        return false;
    if (special && length <= SPECIAL_INT32) {
        *is_integer = true;
        return get_special_integer(reader, length, integer);
    }
    if (special && length != SPECIAL_LZF)
        return rdb_refuse(reader, "a string is of no known kind");
    if (special ? !get_packed(reader, into) : !get_bytes(reader, into, length))
        return false;
    *bytes = buffer_slice(into);
    return true;
}

bool rdb_get_string(struct rdb_reader *reader, unsigned place, struct slice *bytes)
{
    struct buffer *into = &reader->texts[place];
    bool is_integer;
    int64_t integer;

    if (!rdb_get_value(reader, place, &is_integer, &integer, bytes))
        return false;
    if (!is_integer)
        return true;
    buffer_rewind(into);
    buffer_add_integer(into, integer);
    *bytes = buffer_slice(into);
    return true;
}

bool rdb_skip_string(struct rdb_reader *reader)
{
    struct slice bytes;

    return rdb_get_string(reader, 0, &bytes);
}

bool rdb_get_double(struct rdb_reader *reader, double *value)
{
    unsigned char bytes[8];
    uint64_t bits;

    if (!rdb_get_raw(reader, bytes, 8))
        return false;
    bits = load_little(bytes, 8);
    memcpy(value, &bits, sizeof(bits));
    return !isnan(*value) || rdb_refuse(reader, "a score is not a number");
}

bool rdb_get_digits(struct rdb_reader *reader, double *value)
{
    char digits[DIGITS_NAN];
    unsigned len;

    if (!rdb_get_byte(reader, &len))
        return false;
    if (len == DIGITS_NAN)
        return rdb_refuse(reader, "a score is not a number");
    if (len == DIGITS_INFINITY || len == DIGITS_MINUS_INFINITY) {
        *value = len == DIGITS_INFINITY ? (double)INFINITY : -(double)INFINITY;
        return true;
    }
    return rdb_get_raw(reader, digits, len) &&
           (number_read_double(slice_of(digits, len), value) ||
            rdb_refuse(reader, "a score is not a number"));
}

bool rdb_get_millis(struct rdb_reader *reader, int64_t *at)
{
    unsigned char bytes[8];

    if (!rdb_get_raw(reader, bytes, 8))
        return false;
    *at = (int64_t)load_little(bytes, 8);
    return true;
}
