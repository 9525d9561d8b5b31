/*
 * A short list, walked: there are as many as somebody wrote lines.
 *
 * What always holds: a command is in one row at most, and no two rows have the same name
 * unless it is empty.
 */
#include "broker/dispatch/naming.h"

#include "storage/base/memory.h"

struct renamed {
    const struct command *command;
    struct slice          name; /* owned */
};

struct naming {
    struct renamed *at;
    size_t          count;
};

struct naming *naming_new(void)
{
    return memory_new_zeroed(1, sizeof(struct naming));
}

void naming_free(struct naming *naming)
{
    if (naming == NULL)
        return;
    for (size_t i = 0; i < naming->count; i++)
        memory_free((void *)(uintptr_t)naming->at[i].name.at);
    memory_free(naming->at);
    memory_free(naming);
}

bool naming_is_empty(const struct naming *naming)
{
    return naming == NULL || naming->count == 0;
}

enum named naming_translate(const struct naming *naming, struct slice *word)
{
    enum named named = NAMED_AS_EVER;

    for (size_t i = 0; i < naming->count; i++) {
        const struct renamed *one = &naming->at[i];

        if (one->name.len > 0 && slice_equal_nocase(*word, one->name)) {
            *word = command_name(one->command);
            return NAMED_ANEW;
        }
        if (slice_equal_nocase(*word, command_name(one->command)))
            named = NAMED_NO_MORE;
    }
    return named;
}

const struct command *naming_find(const struct naming *naming, struct slice full_name)
{
    const char *bar = full_name.len == 0 ? NULL : memchr(full_name.at, '|', full_name.len);
    struct slice head = slice_of(full_name.at, bar == NULL ? full_name.len
                                                           : (size_t)(bar - full_name.at));
    const struct command *found;
    enum named named = naming_translate(naming, &head);

    if (named == NAMED_AS_EVER)
        return command_named(full_name);
    found = named == NAMED_NO_MORE ? NULL : command_named(head);
    if (found == NULL || bar == NULL)
        return found;
    full_name = slice_after(full_name, (size_t)(bar - full_name.at) + 1);
    for (size_t i = 0; i < found->subcommand_count; i++) {
        if (slice_equal_nocase(full_name, command_name(&found->subcommands[i])))
            return &found->subcommands[i];
    }
    return NULL;
}

const struct command *naming_find_words(const struct naming *naming, const struct slice *words,
                                        size_t count)
{
    struct slice known[2] = { words[0], count > 1 ? words[1] : SLICE("") };

    if (naming_translate(naming, &known[0]) == NAMED_NO_MORE)
        return NULL;
    return command_find(known, count < 2 ? count : 2);
}

bool naming_hides(const struct naming *naming, const struct command *command)
{
    const struct command *top = command->parent != NULL ? command->parent : command;

    for (size_t i = 0; i < naming->count; i++) {
        if (naming->at[i].command == top)
            return naming->at[i].name.len == 0;
    }
    return false;
}

static struct slice copy(struct slice name)
{
    char *text = memory_new(name.len + 1);

    if (name.len > 0)
        memcpy(text, name.at, name.len);
    return slice_of(text, name.len);
}

bool naming_rename(struct naming *naming, struct slice from, struct slice to,
                   struct trouble *trouble)
{
    const struct command *command = naming_find(naming, from);

    if (command == NULL || command->parent != NULL)
        return trouble_set(trouble, "No such command in rename-command");
    /* What it was called so far is free. */
    if (to.len > 0 && naming_find(naming, to) != NULL && naming_find(naming, to) != command)
        return trouble_set(trouble, "Target command name already exists");
    for (size_t i = 0; i < naming->count; i++) {
        struct renamed *one = &naming->at[i];

        if (one->command != command)
            continue;
        memory_free((void *)(uintptr_t)one->name.at);
        one->name = copy(to);
        return true;
    }
    naming->at = memory_resize(naming->at, (naming->count + 1) * sizeof(*naming->at));
    naming->at[naming->count++] = (struct renamed){ command, copy(to) };
    return true;
}
