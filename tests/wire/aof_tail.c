#include "tests/wire/aof_tail.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool aof_newest(const char *server_folder, char *path, size_t room)
{
    char folder[160];
    long newest = 0;
    struct dirent *entry;

    snprintf(folder, sizeof folder, "%s/appendonlydir", server_folder);
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return false;
    while ((entry = readdir(entries)) != NULL) {
        long number = 0;
        int end = 0;

        if (sscanf(entry->d_name, "appendonly.aof.%ld.incr.aof%n", &number, &end) == 1 && end > 0 &&
            entry->d_name[end] == '\0' && number > newest) {
            newest = number;
            snprintf(path, room, "%s/%.80s", folder, entry->d_name);
        }
    }
    closedir(entries);
    return newest > 0;
}

/* The bytes of a file from an offset on. */
static void read_from(const char *path, size_t offset, struct text *bytes)
{
    char block[65536];
    size_t got;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return;
    if (fseek(file, (long)offset, SEEK_SET) == 0) {
        while ((got = fread(block, 1, sizeof block, file)) > 0)
            text_add(bytes, block, got);
    }
    fclose(file);
}

bool aof_tail_mark(struct aof_tail *tail, const char *server_folder)
{
    struct text bytes = { 0 };

    *tail = (struct aof_tail){ 0 };
    if (!aof_newest(server_folder, tail->path, sizeof tail->path))
        return false;
    read_from(tail->path, 0, &bytes);
    tail->offset = bytes.length;
    text_clear(&bytes);
    return true;
}

static bool selects(const struct talk_reply *statement)
{
    return statement->count == 2 && statement->parts[0].text.at != NULL &&
           strcasecmp(statement->parts[0].text.at, "SELECT") == 0;
}

/* Bytes of the annotations that these begin with. */
static size_t annotations(const struct text *bytes)
{
    size_t used = 0;

    while (used < bytes->length && bytes->at[used] == '#') {
        const char *end = memchr(bytes->at + used, '\n', bytes->length - used);

        if (end == NULL)
            break;
        used = (size_t)(end - bytes->at) + 1;
    }
    return used;
}

bool aof_tail_next(struct aof_tail *tail, const char *server_folder, int patience_ms,
                   struct talk_reply *statement)
{
    struct timespec pause = { .tv_nsec = 5000000 };

    for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += 5) {
        struct text bytes = { 0 };
        char newest[256];
        size_t used;

        read_from(tail->path, tail->offset, &bytes);
        size_t passed = annotations(&bytes);

        tail->offset += passed;
        enum reply_state state = talk_reply_read(statement, bytes.at + passed,
                                                 bytes.length - passed, &used);
        text_clear(&bytes);
        if (state == REPLY_BROKEN)
            return false;
        if (state == REPLY_READY) {
            tail->offset += used;
            if (!selects(statement))
                return true;
            talk_reply_clear(statement);
            continue;
        }
        if (aof_newest(server_folder, newest, sizeof newest) && strcmp(newest, tail->path) != 0)
            snprintf(tail->path, sizeof tail->path, "%s", newest), tail->offset = 0;
        else
            nanosleep(&pause, NULL);
    }
    return false;
}
