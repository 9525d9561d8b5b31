/*
 * Changing the manifest beside the main thread, and removing history.
 *
 *   (1) One change of the manifest is under way at a time, a turn-over included:
 *       what the folder shows is aof->manifest or what that change makes of it.
 *   (2) History is removed once the manifest that calls it so is durable.
 */
#include <stdio.h>
#include <string.h>

#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"

/* ---- On the other thread ---- */

/* Saves one text; false if the manifest on disk is the one before. */
static bool save(struct aof_placing *placing, const struct buffer *text,
                 enum folder_replaced *replaced)
{
    const struct aof *aof = placing->aof;
    char temporary[RECOVERY_NAME_MAX];
    char name[RECOVERY_NAME_MAX];

    recovery_temporary_name(&aof->where, "manifest", temporary);
    recovery_manifest_name(&aof->where, name);
    *replaced = folder_replace(aof->folder, temporary, name, buffer_slice(text),
                               &placing->trouble);
    if (*replaced == FOLDER_KEPT)
        return trouble_wrap(&placing->trouble, "saving the manifest");
    placing->unsure = *replaced == FOLDER_UNSURE;
    return true;
}

/* Gives a temporary file its name. */
static bool name_file(struct aof_placing *placing, const char *what, const char *name)
{
    char temporary[RECOVERY_NAME_MAX];

    recovery_temporary_name(&placing->aof->where, what, temporary);
    return folder_rename(placing->aof->folder, temporary, name, &placing->trouble);
}

static bool place_all(struct aof_placing *placing)
{
    const struct folder *folder = placing->aof->folder;
    struct faults *faults = placing->aof->setup.faults;
    struct trouble unheard;

    if (placing->announced != NULL &&
        !save(placing, &placing->announcement, &placing->announcing))
        return false;
    if (placing->announced != NULL)
        point_reached(faults, POINT_base_announced);
    if (placing->with_base &&
        !name_file(placing, "base", aof_manifest_base(placing->next)->name))
        return false;
    if (placing->with_base)
        point_reached(faults, POINT_base_renamed);
    if (placing->with_increment &&
        !name_file(placing, "incr", aof_manifest_last(placing->next)->name))
        return false;
    if (placing->with_increment)
        point_reached(faults, POINT_increment_renamed);
    if (placing->with_base)
        placing->base_size =
            folder_file_size(folder, aof_manifest_base(placing->next)->name, &unheard);
    if (!save(placing, &placing->text, &placing->replacing))
        return false;
    point_reached(faults, placing->with_base ? POINT_base_adopted : POINT_history_forgotten);
    return true;
}

static void place(void *what)
{
    struct aof_placing *placing = what;

    placing->announcing = FOLDER_KEPT;
    placing->replacing = FOLDER_KEPT;
    if (placing->next == NULL) {
        placing->fine = folder_sync(placing->aof->folder, &placing->trouble);
        placing->unsure = !placing->fine;
    } else {
        placing->fine = place_all(placing);
    }
    atomic_store(&placing->done, true);
}

static void remove_files(void *what)
{
    struct aof_removal *removal = what;
    struct trouble unheard;

    for (size_t i = 0; i < removal->count; i++) {
        (void)folder_unlink(removal->folder, removal->names[i], &unheard);
        point_reached(removal->faults, POINT_history_removed);
    }
    atomic_store(&removal->done, true);
}

/* ---- Changing the manifest ---- */

void aof_place_begin(struct aof *aof, struct aof_placing *placing)
{
    must(aof->placing == NULL && aof->turning == NULL);
    placing->aof = aof;
    if (placing->announced != NULL)
        aof_manifest_print(placing->announced, &placing->announcement);
    if (placing->next != NULL)
        aof_manifest_print(placing->next, &placing->text);
    aof->placing = placing;
    worker_queue(aof->worker, place, placing);
}

void aof_place_sync(struct aof *aof)
{
    if (aof->placing == NULL && aof->turning == NULL)
        aof_place_begin(aof, memory_new_zeroed(1, sizeof(struct aof_placing)));
}

/* Makes a manifest the log's; the one before goes. */
static void take_manifest(struct aof *aof, struct aof_manifest **manifest)
{
    aof_manifest_free(aof->manifest);
    aof->manifest = *manifest;
    *manifest = NULL;
}

struct aof_placing *aof_place_collect(struct aof *aof)
{
    struct aof_placing *placing = aof->placing;

    if (placing == NULL || !atomic_load(&placing->done))
        return NULL;
    aof->placing = NULL;
    if (placing->replacing != FOLDER_KEPT)
        take_manifest(aof, &placing->next);
    else if (placing->announcing != FOLDER_KEPT)
        take_manifest(aof, &placing->announced);
    if (placing->unsure) {
        /* What the folder shows is this manifest; nothing may be promised by it yet. */
        aof->trouble = placing->trouble;
        aof->folder_unsynced = true;
        aof_write_break(aof, "saving the manifest of");
    } else if (placing->fine) {
        aof->folder_unsynced = false;
    }
    if (placing->announcing == FOLDER_UNSURE && !placing->unsure)
        log_line(aof->setup.log, LOG_WARNING, "Saving the manifest worked at the second try: %s",
                 placing->trouble.text);
    return placing;
}

void aof_place_end(struct aof_placing *placing)
{
    aof_manifest_free(placing->announced);
    aof_manifest_free(placing->next);
    buffer_clear(&placing->announcement);
    buffer_clear(&placing->text);
    memory_free(placing);
}

/* ---- History ---- */

static bool is_gone(void *who, const char *name)
{
    return !folder_has(who, name);
}

void aof_forget_removal(struct aof *aof)
{
    struct aof_removal *removal = aof->removal;

    for (size_t i = 0; i < removal->count; i++)
        memory_free(removal->names[i]);
    memory_free(removal->names);
    memory_free(removal);
    aof->removal = NULL;
}

/* Forgets a removal that is done, noting in the manifest what is gone. */
static void note_removal(struct aof *aof)
{
    struct aof_placing *placing = memory_new_zeroed(1, sizeof(*placing));

    aof_forget_removal(aof);
    placing->next = aof_manifest_copy(aof->manifest);
    aof_manifest_forget(placing->next, is_gone, aof->folder);
    aof_place_begin(aof, placing);
}

static char *copy_name(const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = memory_new(size);

    memcpy(copy, name, size);
    return copy;
}

/* Begins to remove history. The manifest that calls it so is durable. */
static void begin_removal(struct aof *aof, size_t count)
{
    struct aof_removal *removal = memory_new_zeroed(1, sizeof(*removal));

    removal->folder = aof->folder;
    removal->faults = aof->setup.faults;
    removal->names = memory_new(count * sizeof(*removal->names));
    removal->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = aof_manifest_file(aof->manifest, AOF_FILE_HISTORY, i)->name;

        removal->names[i] = copy_name(name);
        log_line(aof->setup.log, LOG_NOTICE, "Removing the history file %s in the background",
                 name);
    }
    aof->removal = removal;
    worker_queue(aof->worker, remove_files, removal);
}

void aof_remove_history(struct aof *aof)
{
    size_t count;

    if (aof->placing != NULL || aof->turning != NULL || aof->folder == NULL)
        return;
    if (aof->removal != NULL && atomic_load(&aof->removal->done)) {
        note_removal(aof);
        return;
    }
    if (!aof->history_waits || aof->removal != NULL || aof->folder_unsynced ||
        aof->setup.policy.keep_history)
        return;
    aof->history_waits = false;
    count = aof_manifest_count(aof->manifest, AOF_FILE_HISTORY);
    if (count > 0)
        begin_removal(aof, count);
}
