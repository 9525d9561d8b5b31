/* Strings as bits: single bits, counts, positions, combinations, bit fields. */
#include "handlers.h"

#include "broker/commands/do_string_private.h"
#include "broker/config/options.h"
#include "storage/values/bits.h"

/* ---- What commands on raw bytes share ---- */

void put_raw_string(struct call *call, struct slice key, struct slice bytes, bool keep_expiry)
{
    struct item *item = keep_expiry ? keyspace_revise_string(call->keys, key, SLICE(""))
                                    : keyspace_put_string(call->keys, key, SLICE(""), false);
    char *at = keyspace_edit_string(call->keys, key, item, bytes.len);

    if (bytes.len > 0)
        memcpy(at, bytes.at, bytes.len);
}

struct slice string_or_empty(const struct item *item, struct item_digits *digits)
{
    return item == NULL ? SLICE("") : item_string(item, digits);
}

/*
 * Reads a bit's number; "#3" is the third integer of a width, if there is one.
 * The byte it lies in must be within the longest string.
 */
static enum refusal read_offset(const struct call *call, struct slice word, unsigned width,
                                uint64_t *offset)
{
    bool counted = width > 0 && word.len > 0 && word.at[0] == '#';
    int64_t number;

    if (!number_read(counted ? slice_after(word, 1) : word, &number))
        return REFUSAL_BIT_OFFSET;
    if (counted && __builtin_mul_overflow(number, (int64_t)width, &number))
        return REFUSAL_BIT_OFFSET;
    if (number < 0 || number >> 3 >= call->options->proto_max_bulk_len)
        return REFUSAL_BIT_OFFSET;
    *offset = (uint64_t)number;
    return REFUSAL_NONE;
}

/* ---- Single bits ---- */

/* SETBIT key offset value: what the bit was. */
enum verdict do_setbit(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item_digits digits;
    struct slice bytes;
    struct item *item;
    uint64_t offset;
    int64_t value;
    bool before;
    bool changed;
    size_t len;
    enum refusal refusal = read_offset(call, args_next(call->args), 0, &offset);

    if (refusal == REFUSAL_NONE)
        refusal = call_next_integer(call, 0, 1, REFUSAL_BIT_VALUE, &value);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    refusal = call_find_string(call, key, LOOK_WRITE, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    bytes = string_or_empty(item, &digits);
    before = bits_get(bytes, offset);
    len = (size_t)(offset >> 3) + 1;

    changed = len > bytes.len || before != (value == 1);

    bits_set(keyspace_edit_string(call->keys, key, item, len), offset, value == 1);
    if (changed)
        ledger_changed(call->ledger, key, EVENT_STRING, "setbit");
    reply_integer(call->reply, before);
    return VERDICT_DONE;
}

/* GETBIT key offset */
enum verdict do_getbit(struct call *call)
{
    struct slice key = args_next(call->args);
    struct item_digits digits;
    struct item *item;
    uint64_t offset;
    enum refusal refusal = read_offset(call, args_next(call->args), 0, &offset);

    if (refusal == REFUSAL_NONE)
        refusal = call_find_string(call, key, LOOK_READ, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    reply_integer(call->reply, bits_get(string_or_empty(item, &digits), offset));
    return VERDICT_DONE;
}

/* ---- Ranges ---- */

/* A range as it was asked for: indices of bytes or bits, both inclusive, negative from the end. */
struct wanted_range {
    int64_t start;
    int64_t end;
    bool has_end;
    bool bits;
};

/* Reads BYTE or BIT, the last word. */
static enum refusal next_unit(struct args *args, struct wanted_range *wanted)
{
    if (!args_more(args))
        return REFUSAL_NONE;
    wanted->bits = args_take(args, SLICE("bit"));
    if ((!wanted->bits && !args_take(args, SLICE("byte"))) || args_more(args))
        return REFUSAL_SYNTAX;
    return REFUSAL_NONE;
}

/* The bits of a range, none if it is empty or lies outside. */
static struct bits_range settle_range(const struct wanted_range *wanted, size_t len)
{
    int64_t total = (int64_t)(wanted->bits ? len * 8 : len);
    int64_t start = wanted->start < 0 ? wanted->start + total : wanted->start;
    int64_t end = wanted->end < 0 ? wanted->end + total : wanted->end;
    unsigned shift = wanted->bits ? 0 : 3;

    start = start < 0 ? 0 : start;
    end = end < 0 ? 0 : end;
    end = end >= total ? total - 1 : end;
    if (start > end)
        return (struct bits_range){ 0, 0 };
    return (struct bits_range){ (uint64_t)start << shift, (uint64_t)(end + 1) << shift };
}

/* BITCOUNT key [start end [BYTE|BIT]] */
enum verdict do_bitcount(struct call *call)
{
    struct args *args = call->args;
    struct slice key = args_next(args);
    struct wanted_range wanted = { .end = -1 };
    struct item_digits digits;
    struct item *item;
    struct slice bytes;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item == NULL) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    if (args_left(args) == 1 || args_left(args) > 3)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_more(args)) {
        if (!args_next_integer(args, &wanted.start) || !args_next_integer(args, &wanted.end))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        /* Empty, even if both ends would be moved to the first bit; the unit is not looked at. */
        if (wanted.start < 0 && wanted.end < 0 && wanted.start > wanted.end) {
            reply_integer(call->reply, 0);
            return VERDICT_DONE;
        }
        refusal = next_unit(args, &wanted);
        if (refusal != REFUSAL_NONE)
            return call_refuse(call, refusal);
    }
    bytes = item_string(item, &digits);
    reply_integer(call->reply, (int64_t)bits_count(bytes, settle_range(&wanted, bytes.len)));
    return VERDICT_DONE;
}

/* Reads the end of a range, if there is one; its unit is looked at before it. */
static enum refusal next_end(struct args *args, struct wanted_range *wanted)
{
    size_t at = args_position(args);
    enum refusal refusal;

    wanted->has_end = args_more(args);
    if (!wanted->has_end)
        return REFUSAL_NONE;
    args_rewind(args, at + 1);
    refusal = next_unit(args, wanted);
    if (refusal != REFUSAL_NONE)
        return refusal;
    args_rewind(args, at);
    return args_next_integer(args, &wanted->end) ? REFUSAL_NONE : REFUSAL_NOT_INTEGER;
}

/* BITPOS key bit [start [end [BYTE|BIT]]]: without an end, zeros follow the string. */
enum verdict do_bitpos(struct call *call)
{
    struct args *args = call->args;
    struct slice key = args_next(args);
    struct wanted_range wanted = { .end = -1 };
    struct bits_range range;
    struct item_digits digits;
    struct item *item;
    struct slice bytes;
    uint64_t found;
    int64_t bit;
    enum refusal refusal;

    if (!args_next_integer(args, &bit))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (bit != 0 && bit != 1)
        return call_refuse(call, REFUSAL_BIT_ARGUMENT);
    refusal = call_find_string(call, key, LOOK_READ, &item);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item == NULL) {
        reply_integer(call->reply, bit == 1 ? -1 : 0);
        return VERDICT_DONE;
    }
    if (args_left(args) > 3)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_more(args) && !args_next_integer(args, &wanted.start))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    refusal = next_end(args, &wanted);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    bytes = item_string(item, &digits);
    range = settle_range(&wanted, bytes.len);
    if (bits_find(bytes, range, bit == 1, &found))
        reply_integer(call->reply, (int64_t)found);
    else if (bit == 1 || wanted.has_end || range.from >= range.to)
        reply_integer(call->reply, -1);
    else
        reply_integer(call->reply, (int64_t)range.to);
    return VERDICT_DONE;
}

/* ---- Combining ---- */

static bool next_operation(struct args *args, enum bits_operation *operation)
{
    if (args_take(args, SLICE("and")))
        *operation = BITS_AND;
    else if (args_take(args, SLICE("or")))
        *operation = BITS_OR;
    else if (args_take(args, SLICE("xor")))
        *operation = BITS_XOR;
    else if (args_take(args, SLICE("not")))
        *operation = BITS_NOT;
    else if (args_take(args, SLICE("diff")))
        *operation = BITS_DIFF;
    else if (args_take(args, SLICE("diff1")))
        *operation = BITS_DIFF_1;
    else if (args_take(args, SLICE("andor")))
        *operation = BITS_AND_OR;
    else if (args_take(args, SLICE("one")))
        *operation = BITS_ONE;
    else
        return false;
    return true;
}

/* The strings of the keys to the end. */
static enum refusal next_strings(struct call *call, struct slice *strings, size_t *longest)
{
    struct item_digits digits;
    struct item *item;

    *longest = 0;
    for (size_t i = 0; args_more(call->args); i++) {
        enum refusal refusal = call_find_string(call, args_next(call->args), LOOK_READ, &item);

        if (refusal != REFUSAL_NONE)
            return refusal;
        strings[i] = string_or_empty(item, &digits);
        if (strings[i].at == digits.at)
            strings[i] = arena_copy(call->arena, strings[i]);
        if (strings[i].len > *longest)
            *longest = strings[i].len;
    }
    return REFUSAL_NONE;
}

/* BITOP AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE destkey key [key ...]: the length of the outcome. */
enum verdict do_bitop(struct call *call)
{
    enum bits_operation operation;
    bool known = next_operation(call->args, &operation);
    char short_bytes[ITEM_TEXT_MAX];
    struct slice *strings;
    struct slice key;
    size_t count;
    size_t len;
    enum refusal refusal;

    if (!known)
        return call_refuse(call, REFUSAL_SYNTAX);
    key = args_next(call->args);
    count = args_left(call->args);
    if (operation == BITS_NOT && count != 1)
        return call_refuse(call, REFUSAL_BITOP_NOT);
    if (operation > BITS_NOT && operation < BITS_ONE && count < 2)
        return call_refuse(call, REFUSAL_BITOP_OTHERS);
    strings = arena_take(call->arena, count * sizeof(*strings));
    refusal = next_strings(call, strings, &len);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (len == 0) {
        if (keyspace_remove(call->keys, key, true))
            ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    } else if (len <= sizeof(short_bytes)) {
        bits_combine(short_bytes, len, operation, strings, count);
        put_raw_string(call, key, slice_of(short_bytes, len), false);
        ledger_changed(call->ledger, key, EVENT_STRING, "set");
    } else {
        struct bytes *bytes = bytes_new(len);

        bits_combine(bytes->at, len, operation, strings, count);
        keyspace_put_bytes(call->keys, key, &bytes, false);
        ledger_changed(call->ledger, key, EVENT_STRING, "set");
    }
    reply_integer(call->reply, (int64_t)len);
    return VERDICT_DONE;
}

/* ---- Bit fields ---- */

/* One operation on an integer. */
struct field_operation {
    enum { FIELD_GET, FIELD_SET, FIELD_INCREASE } kind;
    struct bits_type type;
    enum bits_overflow overflow;
    uint64_t offset;
    int64_t value;
};

static enum refusal next_overflow(struct args *args, enum bits_overflow *overflow)
{
    if (args_take(args, SLICE("wrap")))
        *overflow = BITS_WRAP;
    else if (args_take(args, SLICE("sat")))
        *overflow = BITS_SATURATE;
    else if (args_take(args, SLICE("fail")))
        *overflow = BITS_FAIL;
    else
        return REFUSAL_BITFIELD_OVERFLOW;
    return REFUSAL_NONE;
}

/* Reads what follows the name of an operation. */
static enum refusal next_field(struct call *call, struct field_operation *field)
{
    enum refusal refusal;

    if (!bits_type_read(args_next(call->args), &field->type))
        return REFUSAL_BITFIELD_TYPE;
    refusal = read_offset(call, args_next(call->args), field->type.width, &field->offset);
    if (refusal != REFUSAL_NONE || field->kind == FIELD_GET)
        return refusal;
    return args_next_integer(call->args, &field->value) ? REFUSAL_NONE : REFUSAL_NOT_INTEGER;
}

/* Reads all operations. `len` becomes how long the string must be for those that write, or 0. */
static enum refusal next_fields(struct call *call, struct field_operation *fields, size_t *count,
                                size_t *len)
{
    struct args *args = call->args;
    enum bits_overflow overflow = BITS_WRAP;
    enum refusal refusal = REFUSAL_NONE;

    *count = 0;
    *len = 0;
    while (args_more(args) && refusal == REFUSAL_NONE) {
        struct field_operation *field = &fields[*count];
        size_t end;

        if (args_left(args) >= 3 && args_take(args, SLICE("get"))) {
            field->kind = FIELD_GET;
        } else if (args_left(args) >= 4 && args_take(args, SLICE("set"))) {
            field->kind = FIELD_SET;
        } else if (args_left(args) >= 4 && args_take(args, SLICE("incrby"))) {
            field->kind = FIELD_INCREASE;
        } else if (args_left(args) >= 2 && args_take(args, SLICE("overflow"))) {
            refusal = next_overflow(args, &overflow);
            continue;
        } else {
            return REFUSAL_SYNTAX;
        }
        field->overflow = overflow;
        refusal = next_field(call, field);
        end = (size_t)((field->offset + field->type.width + 7) >> 3);
        if (field->kind != FIELD_GET && end > *len)
            *len = end;
        ++*count;
    }
    return refusal;
}

/* What became of an operation that writes. */
enum field_outcome { FIELD_REFUSED, FIELD_SAME, FIELD_CHANGED };

static enum field_outcome write_field(struct call *call, char *bytes, size_t len,
                                      const struct field_operation *field)
{
    int64_t before = bits_read(slice_of(bytes, len), field->offset, field->type);
    int64_t after;
    bool set = field->kind == FIELD_SET;
    bool fits = set ? bits_fit(field->type, field->overflow, field->value, &after)
                    : bits_add(field->type, field->overflow, before, field->value, &after);

    if (!fits) {
        reply_nil(call->reply);
        return FIELD_REFUSED;
    }
    if (before != after)
        bits_write(bytes, field->offset, field->type, after);
    reply_integer(call->reply, set ? before : after);
    return before != after ? FIELD_CHANGED : FIELD_SAME;
}

static enum verdict read_fields(struct call *call, struct slice key,
                                const struct field_operation *fields, size_t count)
{
    struct item_digits digits;
    struct item *item;
    struct slice bytes;
    enum refusal refusal = call_find_string(call, key, LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    bytes = string_or_empty(item, &digits);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_integer(call->reply, bits_read(bytes, fields[i].offset, fields[i].type));
    return VERDICT_DONE;
}

static enum verdict change_fields(struct call *call, struct slice key,
                                  const struct field_operation *fields, size_t count, size_t len)
{
    struct item_digits digits;
    struct item *item;
    uint64_t changes = 0;
    size_t before;
    bool grown;
    char *at;
    enum refusal refusal = call_find_string(call, key, LOOK_WRITE, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    before = string_or_empty(item, &digits).len;
    grown = len > before;
    len = grown ? len : before;
    at = keyspace_edit_string(call->keys, key, item, len);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind == FIELD_GET)
            reply_integer(call->reply,
                          bits_read(slice_of(at, len), fields[i].offset, fields[i].type));
        else
            changes += write_field(call, at, len, &fields[i]) > (grown ? FIELD_REFUSED : FIELD_SAME);
    }
    if (changes > 0) {
        ledger_changed(call->ledger, key, EVENT_STRING, "setbit");
        ledger_count(call->ledger, changes - 1);
    } else if (grown) {
        /* Nothing is announced, but the zeros must be where else the string is kept too. */
        ledger_changed(call->ledger, key, EVENT_STRING, NULL);
    }
    return VERDICT_DONE;
}

static enum verdict bitfield(struct call *call, bool may_write)
{
    struct slice key = args_next(call->args);
    struct field_operation *fields =
        arena_take(call->arena, (args_left(call->args) / 3 + 1) * sizeof(*fields));
    size_t count;
    size_t len;
    enum refusal refusal = next_fields(call, fields, &count, &len);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (len > 0 && !may_write)
        return call_refuse(call, REFUSAL_BITFIELD_READ_ONLY);
    if (len == 0)
        return read_fields(call, key, fields, count);
    return change_fields(call, key, fields, count, len);
}

/* BITFIELD key [GET type offset | [OVERFLOW WRAP|SAT|FAIL] SET|INCRBY type offset value] ... */
enum verdict do_bitfield(struct call *call)
{
    return bitfield(call, true);
}

/* BITFIELD_RO key [GET type offset ...] */
enum verdict do_bitfield_ro(struct call *call)
{
    return bitfield(call, false);
}
