/*
 * A long walk over a list: one node and many, of several sizes, packed with
 * LZF at several depths, and from each of these to the others where it is read
 * again by other limits.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/values/list.h"
#include "tests/unit/storage/walk.h"

void suite_walk_list(void);

enum { LENGTH_MAX = 120, TEXTS = 80, TEXT_MAX = 9100 };

struct world {
    struct walk         walk;
    struct value_limits limits;
    struct list        *list;
    unsigned            at[LENGTH_MAX]; /* elements by number */
    size_t              count;
    char                texts[TEXTS][TEXT_MAX];
    struct slice        text[TEXTS];
};

/* Integers of all widths, short texts, some that pack well, two longer than a small node. */
static void begin(struct world *world)
{
    world->limits = value_limits_default;
    world->list = list_new(&world->limits);
    world->count = 0;
    for (unsigned i = 0; i < TEXTS; i++) {
        char *room = world->texts[i];
        size_t len = i % 8 == 4 ? 70 + 3 * i : i % 8 == 5 ? 12 : i == 6 ? 4090 : i == 14 ? 9000 : 0;

        memset(room, 'a' + (int)(i % 26), len);
        len += number_put(room + len, i % 8 < 3 ? -((2 * (int64_t)i + 1) << (i % 50))
                                                  : (int64_t)i);
        world->text[i] = slice_of(room, len);
    }
    world->text[3] = SLICE("");
}

/* One way through, by chance; to read a packed node opens it, so the way matters. */
static void compare(struct world *world)
{
    bool back = walk_below(&world->walk, 2) == 0;
    struct list_walk walk;
    struct slice element;
    size_t i = 0;

    list_check(world->list);
    must(list_length(world->list) == world->count);
    list_walk_begin(&walk, world->list, back ? 0 : world->count - 1, back ? LIST_BACK : LIST_FRONT);
    while (list_walk_next(&walk, &element)) {
        must(i < world->count);
        must(slice_equal(element,
                         world->text[world->at[back ? i : world->count - 1 - i]]));
        i++;
    }
    must(i == world->count);
}

static void model_insert(struct world *world, size_t at, unsigned number)
{
    memmove(world->at + at + 1, world->at + at, (world->count - at) * sizeof(world->at[0]));
    world->at[at] = number;
    world->count++;
}

static void model_delete(struct world *world, size_t at, size_t count)
{
    world->count -= count;
    memmove(world->at + at, world->at + at + count, (world->count - at) * sizeof(world->at[0]));
}

static void push(struct world *world, unsigned number)
{
    enum list_end end = walk_below(&world->walk, 2) == 0 ? LIST_FRONT : LIST_BACK;

    if (world->count == LENGTH_MAX)
        return;
    list_push(world->list, end, world->text[number]);
    model_insert(world, end == LIST_FRONT ? 0 : world->count, number);
}

static void drop(struct world *world)
{
    enum list_end end = walk_below(&world->walk, 2) == 0 ? LIST_FRONT : LIST_BACK;
    size_t count = walk_below(&world->walk, 100) == 0 ? walk_below(&world->walk, 90) : 1;
    struct list_room room;
    struct slice element;

    if (!list_peek(world->list, end, &room, &element)) {
        must(world->count == 0);
        return;
    }
    must(slice_equal(element, world->text[world->at[end == LIST_FRONT ? 0 : world->count - 1]]));
    list_drop(world->list, end, count);
    if (count > world->count)
        count = world->count;
    model_delete(world, end == LIST_FRONT ? 0 : world->count - count, count);
}

static void take_equal(struct world *world, unsigned number)
{
    bool front = walk_below(&world->walk, 2) == 0;
    size_t most = walk_below(&world->walk, 3) == 0 ? SIZE_MAX : walk_below(&world->walk, 4);
    size_t removed = 0;
    size_t got = list_remove(world->list, front ? LIST_FRONT : LIST_BACK, world->text[number], most);

    for (size_t i = 0; i < world->count && removed < most;) {
        size_t at = front ? i : world->count - 1 - i;

        if (world->at[at] == number) {
            model_delete(world, at, 1);
            removed++;
        } else {
            i++;
        }
    }
    must(got == removed);
}

static void search(struct world *world, unsigned number)
{
    bool front = walk_below(&world->walk, 2) == 0;
    size_t most = walk_below(&world->walk, world->count + 2);
    struct list_search search;
    size_t index;

    list_search_begin(&search, world->list, front ? LIST_FRONT : LIST_BACK, world->text[number],
                      most);
    for (size_t i = 0; i < world->count && i < most; i++) {
        size_t at = front ? i : world->count - 1 - i;

        if (world->at[at] == number)
            must(list_search_next(&search, &index) && index == at);
    }
    must(!list_search_next(&search, &index));
}

static void change_inside(struct world *world, unsigned number)
{
    size_t at = walk_below(&world->walk, world->count + 1);
    bool after = walk_below(&world->walk, 2) == 0;
    struct list_room room;
    struct slice element;
    size_t first = 0;

    if (at == world->count) {
        must(!list_at(world->list, at, &room, &element));
        return;
    }
    must(list_at(world->list, at, &room, &element));
    must(slice_equal(element, world->text[world->at[at]]));
    if (walk_below(&world->walk, 2) == 0) {
        list_set(world->list, at, world->text[number]);
        world->at[at] = number;
        return;
    }
    if (world->count == LENGTH_MAX)
        return;
    while (world->at[first] != world->at[at])
        first++;
    must(list_insert(world->list, world->text[world->at[at]], after, world->text[number]));
    model_insert(world, first + after, number);
}

static void trim(struct world *world)
{
    size_t first = walk_below(&world->walk, world->count / 3 + 1);
    size_t count = walk_below(&world->walk, world->count - first + 1);

    list_trim(world->list, first, count);
    model_delete(world, 0, first);
    model_delete(world, count, world->count - count);
}

static void change_limits(struct world *world)
{
    static const int32_t sizes[] = { -2, -1, -5, 1, 3, 16, 128 };

    world->limits.list_node_size = sizes[walk_below(&world->walk, 7)];
    world->limits.list_compress_depth = (uint32_t)walk_below(&world->walk, 4);
    if (walk_below(&world->walk, 3) > 0)
        return;
    list_free(world->list);
    world->list = list_new(&world->limits);
    world->count = 0;
}

static void step(struct world *world)
{
    unsigned number = (unsigned)walk_below(&world->walk, TEXTS);
    size_t choice = walk_below(&world->walk, 1000);

    if (choice < 400)
        push(world, number);
    else if (choice < 650)
        drop(world);
    else if (choice < 820)
        change_inside(world, number);
    else if (choice < 870)
        take_equal(world, number);
    else if (choice < 950)
        search(world, number);
    else if (choice < 960)
        trim(world);
    else if (choice < 990 && world->count > 0)
        world->list = (struct list *)walk_anew(&world->walk, &list_type,
                                               (struct value *)world->list, &world->limits);
    else if (choice >= 997)
        change_limits(world);
}

static const char *form_of(const struct list *list)
{
    uint64_t whole, kept;

    list_run_bytes(list, &whole, &kept);
    if (kept < whole)
        return "compressed";
    return list_nodes(list) > 1 ? "many nodes" : "one node";
}

static void every_step_agrees_with_a_naive_model(void)
{
    struct world *world = memory_new_zeroed(1, sizeof(*world));

    walk_begin(&world->walk, 34);
    begin(world);
    for (size_t i = 0; i < world->walk.steps; i++) {
        step(world);
        world->list = (struct list *)walk_move(&world->walk, &list_type,
                                               (struct value *)world->list);
        compare(world);
        walk_form(&world->walk, form_of(world->list));
    }
    list_free(world->list);
    walk_end(&world->walk, "list");
    CU_ASSERT(walk_became(&world->walk, "one node", "many nodes") > 0);
    CU_ASSERT(walk_became(&world->walk, "many nodes", "one node") > 0);
    CU_ASSERT(walk_became(&world->walk, "many nodes", "compressed") > 0);
    CU_ASSERT(walk_became(&world->walk, "compressed", "many nodes") > 0);
    memory_free(world);
}

void suite_walk_list(void)
{
    CU_pSuite suite = CU_add_suite("a walk over a list", NULL, NULL);

    CU_add_test(suite, "every step agrees with a naive model",
                every_step_agrees_with_a_naive_model);
}
