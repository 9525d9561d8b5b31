/*
 * Reading redis.conf and the command line, line by line.
 *
 * The command line is turned into lines first, one for each option, with every
 * value in quotes, so that both ways in are one parser.
 */
#include "broker/config/config_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>

#include "storage/base/file.h"
#include "storage/base/memory.h"

enum {
    INCLUDES_DEEP = 16, /* a file that includes itself ends here */
};

/* Where we are reading. */
struct place {
    const char *file; /* NULL on the command line */
    size_t line;
    int depth;
    struct buffer *report;
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '\v' ||
           byte == '\f';
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* What a letter means behind a backslash in double quotes; others mean themselves. */
static char escape(char letter)
{
    switch (letter) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return letter;
    }
}

/*
 * Reads a quoted run that begins at `at`, its quote included, adding what it
 * says. Returns how many bytes it took, or 0 if it does not end, or ends in the
 * middle of a word.
 */
static size_t take_quoted(struct slice line, size_t at, struct buffer *room)
{
    size_t begin = at;
    char quote = line.at[at++];

    while (at < line.len && line.at[at] != quote) {
        bool pair = line.at[at] == '\\' && at + 1 < line.len;

        if (pair && quote == '"' && at + 3 < line.len && line.at[at + 1] == 'x' &&
            hex_digit(line.at[at + 2]) >= 0 && hex_digit(line.at[at + 3]) >= 0) {
            int byte = hex_digit(line.at[at + 2]) * 16 + hex_digit(line.at[at + 3]);

            buffer_add_byte(room, (char)byte);
            at += 4;
        } else if (pair && quote == '"') {
            buffer_add_byte(room, escape(line.at[at + 1]));
            at += 2;
        } else if (pair && line.at[at + 1] == '\'') {
            buffer_add_byte(room, '\'');
            at += 2;
        } else {
            buffer_add_byte(room, line.at[at++]);
        }
    }
    if (at == line.len)
        return 0;
    at++;
    if (at < line.len && !is_blank(line.at[at]))
        return 0;
    return at - begin;
}

int config_file_split(struct slice line, struct slice *words, int most, struct buffer *room)
{
    size_t at = 0;
    int count = 0;

    /* No word is longer than what it was written as, so what was reserved never moves. */
    buffer_reserve(room, line.len + 1);
    for (;;) {
        while (at < line.len && is_blank(line.at[at]))
            at++;
        if (at == line.len)
            return count;
        if (count == most)
            return -1;

        size_t begin = room->len;

        while (at < line.len && !is_blank(line.at[at])) {
            if (line.at[at] == '"' || line.at[at] == '\'') {
                size_t taken = take_quoted(line, at, room);

                if (taken == 0)
                    return -1;
                at += taken;
            } else {
                buffer_add_byte(room, line.at[at++]);
            }
        }
        words[count++] = slice_of(room->at + begin, room->len - begin);
    }
}

static struct slice trim(struct slice line)
{
    while (line.len > 0 && is_blank(line.at[0]))
        line = slice_after(line, 1);
    while (line.len > 0 && is_blank(line.at[line.len - 1]))
        line.len--;
    return line;
}

/* Reports a line that cannot be followed, in the shape that Redis gives it. */
static bool complain(const struct place *place, struct slice line, const char *reason)
{
    buffer_print(place->report, "\n*** FATAL CONFIG FILE ERROR (Millrace) ***\n");
    if (place->file != NULL)
        buffer_print(place->report, "Reading the configuration file, at line %zu of %s\n",
                     place->line, place->file);
    else
        buffer_print(place->report, "Reading the command line, at option %zu\n", place->line);
    buffer_print(place->report, ">>> '%.*s'\n%s\n", (int)(line.len < 1024 ? line.len : 1024),
                 line.at, reason);
    return false;
}

/* What is often meant by a line that cannot be followed, or NULL. */
static const char *advice(const struct place *place, const struct slice *words, int count)
{
    if (place->file == NULL) {
        if (words[0].len > 0 && words[0].at[0] == '-')
            return "An option begins with two dashes: --port 6379";
        if (memchr(words[0].at, '=', words[0].len) != NULL)
            return "The value of an option is a word of its own: --port 6379";
        return NULL;
    }
    for (int i = 1; i < count; i++) {
        if (slice_equal(words[i], SLICE("=")))
            return "There is no = between an option and its value.";
        if (words[i].len > 0 && words[i].at[0] == '#' &&
            !slice_equal_nocase(words[0], SLICE("user")))
            return "A comment needs a line of its own.";
    }
    return NULL;
}

static void complain_and_advise(const struct place *place, struct slice line,
                                const struct trouble *trouble, const char *advised)
{
    (void)complain(place, line, trouble->text);
    if (advised != NULL)
        buffer_print(place->report, "%s\n", advised);
}

static bool read_lines(struct config *config, struct place *place, struct slice text);

/* Reports a file that cannot be read, and where its name came from. */
static void complain_of_file(const struct place *from, const char *path, const char *reason)
{
    buffer_print(from->report, "Fatal error, can't open config file '%s': %s\n", path, reason);
    if (from->file != NULL)
        buffer_print(from->report, "It is included at line %zu of %s.\n", from->line, from->file);
    else
        buffer_print(from->report,
                     "A first word without dashes is the name of a configuration file: see "
                     "millrace --help.\n");
}

/* Reads a file, with everything it includes, that was named at the place `from`. */
static bool read_file(struct config *config, const struct place *from, const char *path)
{
    struct place place = { .file = path, .depth = from->depth + 1, .report = from->report };
    struct buffer text = { 0 };
    struct trouble trouble;
    bool fine = file_read(path, &text, CONFIG_FILE_LARGEST, &trouble);

    if (!fine)
        complain_of_file(from, path, trouble.text);
    fine = fine && read_lines(config, &place, buffer_slice(&text));
    buffer_clear(&text);
    return fine;
}

/* Follows an include: one file that must be there, or as many as a pattern finds. */
static bool include(struct config *config, const struct place *place, struct slice line,
                    struct slice pattern)
{
    char path[PATH_MAX];
    glob_t found = { 0 };
    bool fine = true;

    if (place->depth > INCLUDES_DEEP)
        return complain(place, line, "files include one another too deeply: is it a loop?");
    if (pattern.len >= sizeof(path) || memchr(pattern.at, '\0', pattern.len) != NULL)
        return complain(place, line, "the name is too long");
    memcpy(path, pattern.at, pattern.len);
    path[pattern.len] = '\0';

    if (strpbrk(path, "*?[") == NULL)
        return read_file(config, place, path);

    /* A pattern that finds nothing is fine: conf.d may be empty. */
    if (glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; fine && i < found.gl_pathc; i++)
            fine = read_file(config, place, found.gl_pathv[i]);
    }
    globfree(&found);
    return fine;
}

/* Follows one line that is neither empty nor a comment. */
static bool follow(struct config *config, const struct place *place, struct slice line)
{
    int most = config_file_words_most(line);
    struct slice *words = memory_new((size_t)most * sizeof(*words));
    struct buffer room = { 0 };
    struct trouble trouble;
    int count = config_file_split(line, words, most, &room);
    bool fine;

    if (count < 0) {
        fine = complain(place, line, "Unbalanced quotes in configuration line");
    } else if (count == 2 && slice_equal_nocase(words[0], SLICE("include"))) {
        fine = include(config, place, line, words[1]);
    } else {
        fine = config_set(config, words[0], words + 1, (size_t)count - 1, &trouble);
        if (!fine)
            complain_and_advise(place, line, &trouble, advice(place, words, count));
    }
    buffer_clear(&room);
    memory_free(words);
    return fine;
}

static bool read_lines(struct config *config, struct place *place, struct slice text)
{
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        struct slice line = trim(slice_of(text.at, len));

        place->line++;
        text = slice_after(text, end != NULL ? len + 1 : len);
        if (line.len > 0 && line.at[0] != '#' && !follow(config, place, line))
            return false;
    }
    return true;
}

bool config_file_read_text(struct config *config, const char *name, struct slice text,
                           struct buffer *report)
{
    struct place place = { .file = name, .report = report };

    return read_lines(config, &place, text);
}

void config_file_quote(struct buffer *to, struct slice word)
{
    buffer_add_byte(to, '"');
    for (size_t i = 0; i < word.len; i++) {
        unsigned char byte = (unsigned char)word.at[i];

        if (byte == '"' || byte == '\\')
            buffer_print(to, "\\%c", byte);
        else if (byte < ' ' || byte == 0x7f)
            buffer_print(to, "\\x%02x", byte);
        else
            buffer_add_byte(to, (char)byte);
    }
    buffer_add_byte(to, '"');
}

/*
 * Turns arguments into lines. An argument with -- in front begins a line unless
 * the option before it has no value yet: then it is that value. Only --save may
 * be left without one, which means "".
 */
static void lines_of_arguments(struct buffer *lines, int count, char *const *arguments)
{
    bool named = false;       /* a line was begun */
    bool wants_value = false; /* and has only its name so far */
    bool is_save = false;

    for (int i = 0; i < count; i++) {
        struct slice word = slice_text(arguments[i]);
        bool dashes = word.len >= 2 && word.at[0] == '-' && word.at[1] == '-';

        if (dashes && (!named || !wants_value || is_save)) {
            if (is_save && wants_value)
                buffer_add(lines, SLICE(" \"\""));
            if (named)
                buffer_add_byte(lines, '\n');
            word = slice_after(word, 2);
            buffer_add(lines, word);
            named = true;
            is_save = slice_equal_nocase(word, SLICE("save"));
            /* "--name value" in one argument has its value with it. */
            wants_value = word.len > 0 && memchr(word.at, ' ', word.len) == NULL;
        } else {
            if (named)
                buffer_add_byte(lines, ' ');
            config_file_quote(lines, word);
            named = true;
            wants_value = false;
        }
    }
    if (is_save && wants_value)
        buffer_add(lines, SLICE(" \"\""));
}

/* Reads standard input as a config file. */
static bool read_standard_input(struct config *config, struct buffer *report)
{
    struct buffer text = { 0 };
    struct trouble trouble;
    bool fine = file_read("/dev/stdin", &text, CONFIG_FILE_LARGEST, &trouble);

    if (!fine)
        buffer_print(report, "Fatal error, can't read standard input: %s\n", trouble.text);
    fine = fine && config_file_read_text(config, "standard input", buffer_slice(&text), report);
    buffer_clear(&text);
    return fine;
}

/* Reads the file of the first argument and remembers where it is, for CONFIG REWRITE. */
static bool read_first_file(struct config *config, const char *path, struct buffer *report)
{
    struct place command_line = { .report = report };
    char whole[PATH_MAX];

    if (realpath(path, whole) == NULL) {
        complain_of_file(&command_line, path, strerror(errno));
        return false;
    }
    config_set_path(config, whole);
    return read_file(config, &command_line, whole);
}

bool config_file_read_arguments(struct config *config, int count, char *const *arguments,
                                struct buffer *report)
{
    struct place place = { .report = report };
    struct buffer lines = { 0 };
    bool fine = true;

    if (count > 0 && arguments[0][0] != '-') {
        if (arguments[0][0] != '\0')
            fine = read_first_file(config, arguments[0], report);
        count--;
        arguments++;
    }
    for (int i = 0; fine && i < count; i++) {
        /* A single dash, first or last, stands for standard input. */
        if (strcmp(arguments[i], "-") == 0 && (i == 0 || i == count - 1)) {
            fine = read_standard_input(config, report);
            if (i == 0)
                arguments++;
            count--;
            break;
        }
    }
    if (fine) {
        lines_of_arguments(&lines, count, arguments);
        fine = read_lines(config, &place, buffer_slice(&lines));
    }
    buffer_clear(&lines);
    return fine;
}
