/* The words are those of a line of the configuration. */
#include "broker/script/first_line.h"

#include "broker/config/config_file.h"

bool first_line_read(struct first_line *line, struct slice text)
{
    const char *end;
    size_t len;

    *line = (struct first_line){ .count = -1, .rest = text };
    if (text.len < 2 || memcmp(text.at, "#!", 2) != 0)
        return false;
    end = memchr(text.at, '\n', text.len);
    if (end == NULL)
        return true;
    len = (size_t)(end - text.at);
    line->rest = slice_after(text, len);
    line->count = config_file_split(slice_of(text.at, len), line->words, FIRST_LINE_WORDS,
                                    &line->room);
    return true;
}

void first_line_clear(struct first_line *line)
{
    buffer_clear(&line->room);
}
