#include "tests/wire/talk_script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_lines(struct script *script, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    while ((length = getline(&line, &room, file)) >= 0) {
        struct text text = { 0 };

        if (length > 0 && line[length - 1] == '\n')
            length--;
        text_add(&text, line, (size_t)length);
        script->lines = need(script->lines, (script->line_count + 1) * sizeof text);
        script->lines[script->line_count++] = text;
    }
    free(line);
}

static struct talk *add_talk(struct script *script, const char *title)
{
    struct talk talk = { 0 };

    text_say(&talk.title, title);
    talk.newer = strstr(title, "@8") != NULL || strstr(title, "@millrace") != NULL;
    script->talks = need(script->talks, (script->count + 1) * sizeof talk);
    script->talks[script->count] = talk;
    return &script->talks[script->count++];
}

static struct step *add_step(struct talk *talk, enum step_kind kind, size_t line)
{
    struct step step = { .kind = kind, .line = line, .last_line = line };

    talk->steps = need(talk->steps, (talk->count + 1) * sizeof step);
    talk->steps[talk->count] = step;
    return &talk->steps[talk->count++];
}

static const char *behind_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* An order that says what server the talk needs is heard here, before anything runs. */
static bool note_needs(struct talk *talk, const char *order)
{
    struct words words;

    if (!words_split(&words, order))
        return false;
    if (words.count > 0) {
        const char *name = words.at[0].at;

        if (strcmp(name, "crash") == 0 || strcmp(name, "restart") == 0 ||
            strcmp(name, "own") == 0 || strcmp(name, "options") == 0 || strcmp(name, "files") == 0)
            talk->own_server = true;
        if (strcmp(name, "files") == 0 && words.count == 2)
            text_say(&talk->files, words.at[1].at);
        if (strcmp(name, "options") == 0) {
            words_clear(&talk->options);
            talk->options = words;
            text_clear(&words.at[0]);
            memmove(words.at, words.at + 1, (words.count - 1) * sizeof *words.at);
            talk->options.count--;
            return true;
        }
    }
    words_clear(&words);
    return true;
}

/* [session] and one of > ~ <, or aof<, or until>. */
static bool read_saying(struct talk *talk, const char *line, size_t number)
{
    size_t name = 0;

    while (isalnum((unsigned char)line[name]) || line[name] == '_')
        name++;
    char mark = line[name];
    bool aof = strncmp(line, "aof<", 4) == 0;
    bool until = strncmp(line, "until>", 6) == 0;
    if (name >= sizeof talk->steps->session || mark == '\0' || strchr("><~", mark) == NULL)
        return false;

    enum step_kind kind = aof           ? STEP_AOF
                          : until       ? STEP_UNTIL
                          : mark == '>' ? STEP_SAY
                          : mark == '~' ? STEP_WAIT
                                        : STEP_HEAR;
    struct step *step = add_step(talk, kind, number);
    if (!aof && !until) {
        memcpy(step->session, line, name);
        step->named = name > 0;
    }
    talk->reads_aof |= aof;
    text_say(&step->text, behind_blanks(line + name + 1));
    return true;
}

static bool read_line(struct script *script, struct talk **talk, const char *line, size_t number)
{
    if (*line == '\0' || *line == '#')
        return true;
    if (strncmp(line, "== ", 3) == 0) {
        /* A title before the first step names the talk that the file began. */
        if (script->count == 1 && script->talks[0].count == 0 && !script->talks[0].titled) {
            text_clear(&script->talks[0].title);
            script->count = 0;
        }
        *talk = add_talk(script, line + 3);
        (*talk)->titled = true;
        return true;
    }
    if (*line == '@') {
        (*talk)->newer = true;
        return strcmp(line, "@8") == 0 || strcmp(line, "@millrace") == 0;
    }
    if (*line == ' ' || *line == '\t') {
        line = behind_blanks(line);
        if (*line == '\0')
            return true;
        if ((*talk)->count == 0)
            return false;
        struct step *step = &(*talk)->steps[(*talk)->count - 1];
        text_say(&step->text, " ");
        text_say(&step->text, line);
        step->last_line = number;
        return true;
    }
    if (*line == '!') {
        struct step *step = add_step(*talk, STEP_ORDER, number);

        text_say(&step->text, line + 1);
        return note_needs(*talk, line + 1);
    }
    return read_saying(*talk, line, number);
}

bool script_read(struct script *script, const char *path, struct text *trouble)
{
    FILE *file = fopen(path, "r");
    const char *name = strrchr(path, '/');
    bool all_newer = false;

    *script = (struct script){ 0 };
    text_say(&script->path, path);
    if (file == NULL) {
        text_print(trouble, "%s: cannot be opened\n", path);
        return false;
    }
    read_lines(script, file);
    fclose(file);
    struct talk *talk = add_talk(script, name == NULL ? path : name + 1);
    for (size_t i = 0; i < script->line_count; i++) {
        const char *line = script->lines[i].at;

        /* A mark in front of the first title or step holds for the whole file. */
        if (*line == '@' && script->count == 1 && talk->count == 0 && !talk->titled)
            all_newer = true;
        if (!read_line(script, &talk, line, i + 1)) {
            text_print(trouble, "%s:%zu: cannot read '%s'\n", path, i + 1, line);
            return false;
        }
    }
    for (size_t i = 0; all_newer && i < script->count; i++)
        script->talks[i].newer = true;
    return true;
}

static const struct step *recorded_at(const struct script *script, size_t line, bool after)
{
    for (size_t i = 0; i < script->count; i++) {
        for (size_t j = 0; j < script->talks[i].count; j++) {
            const struct step *step = &script->talks[i].steps[j];
            bool inserts = step->kind != STEP_HEAR;

            if (step->recorded.length > 0 && inserts == after &&
                (after ? step->last_line : step->line) == line)
                return step;
        }
    }
    return NULL;
}

bool script_write(const struct script *script)
{
    FILE *file = fopen(script->path.at, "w");

    if (file == NULL)
        return false;
    for (size_t i = 0; i < script->line_count; i++) {
        const struct step *instead = recorded_at(script, i + 1, false);
        const struct step *after = recorded_at(script, i + 1, true);

        if (instead != NULL)
            fputs(instead->recorded.at, file);
        else
            fprintf(file, "%s\n", script->lines[i].at);
        if (after != NULL)
            fputs(after->recorded.at, file);
    }
    return fclose(file) == 0;
}

static void talk_clear(struct talk *talk)
{
    for (size_t i = 0; i < talk->count; i++) {
        text_clear(&talk->steps[i].text);
        text_clear(&talk->steps[i].recorded);
    }
    free(talk->steps);
    text_clear(&talk->title);
    text_clear(&talk->files);
    words_clear(&talk->options);
}

void script_clear(struct script *script)
{
    for (size_t i = 0; i < script->line_count; i++)
        text_clear(&script->lines[i]);
    for (size_t i = 0; i < script->count; i++)
        talk_clear(&script->talks[i]);
    free(script->lines);
    free(script->talks);
    text_clear(&script->path);
    *script = (struct script){ 0 };
}
