/*
 * struct: values to and from the bytes of C structs, told by a format.
 *
 *   > <       big, little endianness                      !n  alignment, a power of 2
 *   b B h H l L T   integers as in C, T a size_t          in In  integers of n bytes
 *   f d       float, double                               x   one byte of padding
 *   s         text ended by a zero                        cn  n bytes; c0 the whole text, or as
 *             many as the integer before says
 *
 * Source: the documentation of Roberto Ierusalimschy's struct library.
 */
#include <lua5.1/lauxlib.h>
#include <stdint.h>

#include "broker/script/libraries.h"
#include "storage/base/buffer.h"

enum { INTEGER_MOST = 32, ALIGNMENT_NATIVE = 8 };

/* Where reading the format stands. */
struct format {
    const char *at;
    bool little;
    size_t alignment; /* the most there is */
};

/* One option of a format. */
struct option {
    char letter;
    size_t size;
    size_t padding; /* in front of it */
};

static bool machine_is_little(void)
{
    const uint16_t one = 1;

    return *(const unsigned char *)&one == 1;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || is_digit(byte);
}

/* Reads a number of the format, or gives what is meant without one. */
static size_t read_count(lua_State *lua, struct format *format, size_t otherwise)
{
    size_t count = 0;

    if (!is_digit(*format->at))
        return otherwise;
    while (is_digit(*format->at)) {
        size_t digit = (size_t)(*format->at++ - '0');

        if (count > (INT32_MAX - digit) / 10)
            luaL_error(lua, "integral size overflow");
        count = count * 10 + digit;
    }
    return count;
}

static size_t integer_size(lua_State *lua, struct format *format)
{
    size_t size = read_count(lua, format, sizeof(int));

    if (size > INTEGER_MOST)
        luaL_error(lua, "integral size %d is larger than limit of %d", (int)size, INTEGER_MOST);
    return size;
}

/* Does what a letter says that stands for no value: how others are to be read. */
static void follow_control(lua_State *lua, struct format *format, char letter)
{
    size_t alignment;

    switch (letter) {
    case ' ':
        break;
    case '>':
        format->little = false;
        break;
    case '<':
        format->little = true;
        break;
    case '!':
        alignment = read_count(lua, format, ALIGNMENT_NATIVE);
        if (alignment == 0 || (alignment & (alignment - 1)) != 0)
            luaL_error(lua, "alignment %d is not a power of 2", (int)alignment);
        format->alignment = alignment;
        break;
    default:
        lua_pushfstring(lua, "invalid format option '%c'", letter);
        luaL_argerror(lua, 1, lua_tostring(lua, -1));
    }
}

/* The size of what a letter stands for; 0 also for what has no size of its own, or is no letter. */
static size_t option_size(lua_State *lua, struct format *format, char letter)
{
    switch (letter) {
    case 'b':
    case 'B':
    case 'x':
        return 1;
    case 'h':
    case 'H':
        return sizeof(short);
    case 'l':
    case 'L':
        return sizeof(long);
    case 'T':
        return sizeof(size_t);
    case 'f':
        return sizeof(float);
    case 'd':
        return sizeof(double);
    case 'c':
        return read_count(lua, format, 1);
    case 'i':
    case 'I':
        return integer_size(lua, format);
    default:
        return 0;
    }
}

/* Whether a letter stands for a value; "x" stands for none. */
static bool is_value(char letter)
{
    return letter != '\0' && strchr("bBhHlLTiIfdsc", letter) != NULL;
}

/* Reads the next letter for what stands at a place; false at the end of the format. */
static bool next_option(lua_State *lua, struct format *format, size_t place, struct option *option)
{
    option->letter = *format->at;
    if (option->letter == '\0')
        return false;
    format->at++;
    option->size = option_size(lua, format, option->letter);
    option->padding = 0;
    if (option->size > 0 && option->letter != 'c') {
        size_t alignment = option->size < format->alignment ? option->size : format->alignment;

        /* A size that is no power of 2 is aligned as if its bits were a mask. */
        option->padding = alignment > 1 ? (alignment - (place & (alignment - 1))) & (alignment - 1)
                                        : 0;
    }
    return true;
}

/* ---- Packing ---- */

static void put_integer(struct buffer *to, lua_Number number, size_t size, bool little)
{
    uint64_t bits;
    char *at = buffer_reserve(to, size);

    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0)
        bits = (uint64_t)(int64_t)number;
    else if (number >= 0 && number < 18446744073709551616.0)
        bits = (uint64_t)number;
    else
        bits = (uint64_t)INT64_MIN;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = 0;

        if (i < 8)
            byte = (unsigned char)(bits >> (8 * i));
        at[little ? i : size - 1 - i] = (char)byte;
    }
    buffer_commit(to, size);
}

static void put_bytes(struct buffer *to, const void *bytes, size_t size, bool little)
{
    const char *from = bytes;
    char *at = buffer_reserve(to, size);

    for (size_t i = 0; i < size; i++)
        at[i] = from[little == machine_is_little() ? i : size - 1 - i];
    buffer_commit(to, size);
}

/* What is wrong with an argument is found before anything is owned. */
static void check_argument(lua_State *lua, const struct option *option, int index)
{
    size_t len;

    switch (option->letter) {
    case 's':
        (void)luaL_checkstring(lua, index);
        break;
    case 'c':
        (void)luaL_checklstring(lua, index, &len);
        luaL_argcheck(lua, len >= option->size, index + 1, "string too short");
        break;
    default:
        (void)luaL_checknumber(lua, index);
        break;
    }
}

static void put_value(lua_State *lua, struct buffer *to, const struct option *option, int index,
                      bool little)
{
    double number;
    float single;
    size_t len;
    const char *text;

    switch (option->letter) {
    case 'f':
        single = (float)lua_tonumber(lua, index);
        put_bytes(to, &single, sizeof(single), little);
        break;
    case 'd':
        number = lua_tonumber(lua, index);
        put_bytes(to, &number, sizeof(number), little);
        break;
    case 's':
    case 'c':
        text = lua_tolstring(lua, index, &len);
        buffer_add(to, slice_of(text, option->letter == 'c' && option->size > 0 ? option->size
                                                                                : len));
        if (option->letter == 's')
            buffer_add_byte(to, '\0');
        break;
    default:
        put_integer(to, lua_tonumber(lua, index), option->size, little);
        break;
    }
}

/* Reads the whole format once, so that nothing can go wrong when bytes are put. */
static void check_all(lua_State *lua, struct format format)
{
    struct option option;
    int index = 2;

    while (next_option(lua, &format, 0, &option)) {
        if (is_value(option.letter))
            check_argument(lua, &option, index++);
        else if (option.letter != 'x')
            follow_control(lua, &format, option.letter);
    }
}

/* struct.pack(format, value, ...) */
static int pack(lua_State *lua)
{
    struct format format = { luaL_checkstring(lua, 1), machine_is_little(), 1 };
    struct buffer bytes = { 0 };
    struct option option;
    int index = 2;

    lua_pushnil(lua); /* what is missing is told to be nil */
    check_all(lua, format);
    while (next_option(lua, &format, bytes.len, &option)) {
        for (size_t i = 0; i < option.padding; i++)
            buffer_add_byte(&bytes, '\0');
        if (is_value(option.letter))
            put_value(lua, &bytes, &option, index++, format.little);
        else if (option.letter == 'x')
            buffer_add_byte(&bytes, '\0');
        else
            follow_control(lua, &format, option.letter);
    }
    lua_pushlstring(lua, bytes.len > 0 ? bytes.at : "", bytes.len);
    buffer_clear(&bytes);
    return 1;
}

/* ---- Unpacking ---- */

static void push_integer(lua_State *lua, const char *from, size_t size, bool little,
                         bool is_signed)
{
    uint64_t bits = 0;
    size_t kept = size < 8 ? size : 8;

    for (size_t i = 0; i < kept; i++)
        bits |= (uint64_t)(unsigned char)from[little ? i : size - 1 - i] << (8 * i);
    if (is_signed) {
        unsigned shift = 64 - 8 * (unsigned)kept;

        lua_pushnumber(lua, kept == 0 ? 0 : (lua_Number)((int64_t)(bits << shift) >> shift));
    } else {
        lua_pushnumber(lua, (lua_Number)bits);
    }
}

static void push_real(lua_State *lua, const char *from, size_t size, bool little)
{
    char bytes[sizeof(double)];
    double number;
    float single;

    for (size_t i = 0; i < size; i++)
        bytes[i] = from[little == machine_is_little() ? i : size - 1 - i];
    if (size == sizeof(single)) {
        memcpy(&single, bytes, sizeof(single));
        number = (double)single;
    } else {
        memcpy(&number, bytes, sizeof(number));
    }
    lua_pushnumber(lua, number);
}

/* The size of the text that c0 means: the number just unpacked, which goes. */
static size_t take_size(lua_State *lua, int pushed)
{
    lua_Number size;

    if (pushed == 0 || !lua_isnumber(lua, -1))
        luaL_error(lua, "format 'c0' needs a previous size");
    size = lua_tonumber(lua, -1);
    lua_pop(lua, 1);
    return size >= 0 && size < (lua_Number)INT32_MAX ? (size_t)size : (size_t)INT32_MAX;
}

/* Pushes one value; returns how many bytes it took. */
static size_t push_value(lua_State *lua, const struct option *option, struct slice rest,
                         bool little)
{
    const char *end;

    switch (option->letter) {
    case 'f':
    case 'd':
        push_real(lua, rest.at, option->size, little);
        break;
    case 'c':
        lua_pushlstring(lua, rest.at, option->size);
        break;
    case 's':
        end = rest.len > 0 ? memchr(rest.at, '\0', rest.len) : NULL;
        if (end == NULL)
            luaL_error(lua, "unfinished string in data");
        lua_pushlstring(lua, rest.at, (size_t)(end - rest.at));
        return (size_t)(end - rest.at) + 1;
    default:
        push_integer(lua, rest.at, option->size, little,
                     option->letter >= 'a' && option->letter <= 'z');
        break;
    }
    return option->size;
}

/* struct.unpack(format, bytes [, position]) */
static int unpack(lua_State *lua)
{
    struct format format = { luaL_checkstring(lua, 1), machine_is_little(), 1 };
    size_t len;
    const char *bytes = luaL_checklstring(lua, 2, &len);
    lua_Integer position = luaL_optinteger(lua, 3, 1);
    struct option option;
    size_t at;
    int pushed = 0;

    luaL_argcheck(lua, position != 0, 3, "offset must be 1 or greater");
    at = (size_t)position - 1; /* what is before the first is far behind the last */
    while (next_option(lua, &format, at, &option)) {
        at += option.padding;
        luaL_argcheck(lua, at <= len && option.size <= len - at, 2, "data string too short");
        luaL_checkstack(lua, 2, "too many results");
        if (is_value(option.letter)) {
            if (option.letter == 'c' && option.size == 0) {
                option.size = take_size(lua, pushed--);
                luaL_argcheck(lua, option.size <= len - at, 2, "data string too short");
            }
            at += push_value(lua, &option, slice_of(bytes + at, len - at), format.little);
            pushed++;
        } else if (option.letter == 'x') {
            at++;
        } else {
            follow_control(lua, &format, option.letter);
        }
    }
    lua_pushnumber(lua, (lua_Number)(at + 1));
    return pushed + 1;
}

/* struct.size(format) */
static int size(lua_State *lua)
{
    struct format format = { luaL_checkstring(lua, 1), machine_is_little(), 1 };
    struct option option;
    size_t bytes = 0;

    while (next_option(lua, &format, bytes, &option)) {
        if (option.letter == 's')
            luaL_argerror(lua, 1, "option 's' has no fixed size");
        if (option.letter == 'c' && option.size == 0)
            luaL_argerror(lua, 1, "option 'c0' has no fixed size");
        if (!is_letter(option.letter))
            follow_control(lua, &format, option.letter);
        bytes += option.padding + option.size;
        if (bytes > INT32_MAX)
            luaL_error(lua, "format result too large");
    }
    lua_pushnumber(lua, (lua_Number)bytes);
    return 1;
}

void library_struct_push(lua_State *lua)
{
    static const struct luaL_Reg functions[] = { { "pack", pack },
                                                 { "unpack", unpack },
                                                 { "size", size } };

    lua_createtable(lua, 0, 3);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        lua_pushcfunction(lua, functions[i].func);
        lua_setfield(lua, -2, functions[i].name);
    }
}
