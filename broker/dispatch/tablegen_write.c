/*
 * Writes what was read as C: first what a row points to (texts stay inline,
 * arguments bottom up, key rules, tips, docs), then the rows, then the index.
 *
 * The index is open addressing over at least twice as many places as names. Of
 * a thousand seeds the one is taken with which all names together are found in
 * the fewest steps, so nearly every lookup compares one place.
 */
#include "broker/dispatch/tablegen_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/dispatch/command_private.h"

struct writer {
    FILE *to;
    unsigned next_arguments_id;
    struct row **rows; /* as they are written: top level by name, then subcommands by container */
    size_t count, top;
};

/* A text as a C literal, or NULL. */
static void put_text(FILE *to, const char *text)
{
    if (text == NULL) {
        fputs("NULL", to);
        return;
    }
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static size_t list_length(const struct node *list)
{
    size_t length = 0;

    for (; list != NULL; list = list->next)
        length++;
    return length;
}

/* Writes a list and everything below it, parts first; returns its number, 0 for an empty one. */
static unsigned put_arguments(struct writer *writer, struct node *list)
{
    if (list == NULL)
        return 0;
    for (struct node *node = list; node != NULL; node = node->next)
        node->parts_id = put_arguments(writer, node->parts);

    unsigned id = ++writer->next_arguments_id;
    FILE *to = writer->to;
    fprintf(to, "static const struct command_argument arguments_%u[] = {\n", id);
    for (const struct node *node = list; node != NULL; node = node->next) {
        const char *const texts[] = { node->name, node->token, node->since,
                                      node->deprecated_since };

        fputs("    { ", to);
        for (size_t i = 0; i < 4; i++) {
            put_text(to, texts[i]);
            fputs(", ", to);
        }
        if (node->parts != NULL)
            fprintf(to, "arguments_%u, ", node->parts_id);
        else
            fputs("NULL, ", to);
        fprintf(to, "%zu, %u, %u, %d },\n", list_length(node->parts), node->type, node->flags,
                node->key_rule);
    }
    fputs("};\n", to);
    return id;
}

static void put_rules(FILE *to, const struct row *row)
{
    if (row->rule_count == 0)
        return;
    fprintf(to, "static const struct key_rule rules_%u[] = {\n", row->index);
    for (size_t i = 0; i < row->rule_count; i++) {
        const struct rule *rule = &row->rules[i];

        fprintf(to,
                "    { .flags = 0x%x, .begin = %d, .find = %d, .index = %d, .start_from = %d, "
                ".last = %d, .limit = %d, .count_at = %d, .first_at = %d, .step = %d, "
                ".keyword = ",
                rule->flags, rule->begin, rule->find, rule->index, rule->start_from, rule->last,
                rule->limit, rule->count_at, rule->first_at, rule->step);
        put_text(to, rule->keyword);
        fputs(" },\n", to);
    }
    fputs("};\n", to);
}

static void put_docs(FILE *to, const struct row *row)
{
    const char *const texts[] = { row->summary,          row->since,      row->group, row->cost,
                                  row->deprecated_since, row->replaced_by };

    if (row->tip_count > 0) {
        fprintf(to, "static const char *const tips_%u[] = { ", row->index);
        for (size_t i = 0; i < row->tip_count; i++) {
            put_text(to, row->tips[i]);
            fputs(", ", to);
        }
        fputs("};\n", to);
    }
    fprintf(to, "static const struct command_docs docs_%u = {\n    ", row->index);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_text(to, texts[i]);
        fputs(", ", to);
    }
    if (row->tip_count > 0)
        fprintf(to, "tips_%u, ", row->index);
    else
        fputs("NULL, ", to);
    if (row->arguments != NULL)
        fprintf(to, "arguments_%u, ", row->arguments_id);
    else
        fputs("NULL, ", to);
    fprintf(to, "%zu, %zu, %u\n};\n", row->tip_count, list_length(row->arguments), row->docs_flags);
}

/* The first key's place if no other word decides it. MIGRATE's may be empty and mean others. */
static int fixed_first_key(const struct row *row)
{
    const struct rule *rule = &row->rules[0];

    if (row->rule_count == 0 || rule->begin != KEY_BEGIN_INDEX || rule->find != KEY_FIND_RANGE ||
        (rule->flags & KEY_NOT_KEY) || row->reader == KEY_READER_MIGRATE)
        return 0;
    return rule->index;
}

static void put_row(FILE *to, const struct row *row)
{
    fprintf(to, "    { .run = %s, .flags = 0x%x, .arity = %d, .index = %u, ",
            row->has_handler ? row->handler : "NULL", row->flags, row->arity, row->index);
    fprintf(to, ".categories = 0x%" PRIx64 "u, ", row->categories);
    if (row->rule_count > 0)
        fprintf(to, ".key_rules = rules_%u, .key_rule_count = %zu, ", row->index, row->rule_count);
    fprintf(to, ".key_reader = %u, .first_key = %d, ", row->reader, fixed_first_key(row));
    fprintf(to, ".name_length = %zu, .full_name_length = %zu, ", strlen(row->name),
            strlen(row->full_name));
    fprintf(to, ".name = \"%s\", .full_name = \"%s\", ", row->name, row->full_name);
    if (row->parent != NULL)
        fprintf(to, ".parent = &command_rows[%u], ", row->parent->index);
    if (row->subcommand_count > 0)
        fprintf(to, ".subcommands = &command_rows[%u], .subcommand_count = %u, ",
                row->first_subcommand, row->subcommand_count);
    fprintf(to, ".docs = &docs_%u },\n", row->index);
}

static int by_name(const void *a, const void *b)
{
    const struct row *one = *(struct row *const *)a;
    const struct row *other = *(struct row *const *)b;
    bool top_one = one->parent == NULL, top_other = other->parent == NULL;

    if (top_one != top_other)
        return top_one ? -1 : 1;
    if (one->parent != other->parent)
        return strcmp(one->parent->full_name, other->parent->full_name);
    return strcmp(one->full_name, other->full_name);
}

/* Puts the wanted rows in the order of the table and numbers them. */
static void arrange(struct writer *writer, struct spec *spec)
{
    writer->rows = tablegen_keep(sizeof(*writer->rows) * (spec->row_count + 1));
    for (size_t i = 0; i < spec->row_count; i++) {
        if (spec->rows[i].wanted)
            writer->rows[writer->count++] = &spec->rows[i];
    }
    if (writer->count > 0)
        qsort(writer->rows, writer->count, sizeof(*writer->rows), by_name);
    for (size_t i = 0; i < writer->count; i++) {
        struct row *row = writer->rows[i];

        row->index = (unsigned)i;
        if (row->parent == NULL)
            writer->top++;
        else if (row->parent->subcommand_count++ == 0)
            row->parent->first_subcommand = (unsigned)i;
    }
}

/* First byte lowest, whatever the machine: the constants are the same everywhere. */
static struct command_slot slot_of(const struct row *row)
{
    struct command_slot slot = { .row = (uint16_t)row->index,
                                 .length = (uint8_t)strlen(row->name) };

    for (size_t i = 0; row->name[i] != '\0'; i++)
        slot.word[i / 8] |= (uint64_t)(unsigned char)row->name[i] << (i % 8 * 8);
    if (row->parent != NULL)
        slot.container = (uint16_t)(row->parent->index + 1);
    return slot;
}

/* Fills the places in the order of the rows; returns the steps all lookups take together. */
static size_t fill_slots(const struct writer *writer, struct command_slot *slots, size_t size,
                         unsigned shift, uint64_t seed)
{
    size_t steps = 0;

    memset(slots, 0, size * sizeof(*slots));
    for (size_t i = 0; i < writer->count; i++) {
        struct command_slot slot = slot_of(writer->rows[i]);
        size_t at = (size_t)(command_hash(slot.word, slot.container, seed) >> shift);

        for (steps++; slots[at].length != 0; steps++)
            at = (at + 1) % size;
        slots[at] = slot;
    }
    return steps;
}

static void put_index(struct writer *writer)
{
    unsigned logarithm = 4;
    uint64_t seed = 0x9e3779b97f4a7c15u, best = seed;
    size_t least = SIZE_MAX;
    FILE *to = writer->to;

    while ((size_t)1 << logarithm < writer->count * 2 + 1)
        logarithm++;
    size_t size = (size_t)1 << logarithm;
    struct command_slot *slots = tablegen_keep(size * sizeof(*slots));
    for (int i = 0; i < 1000; i++) {
        seed = (seed * 6364136223846793005u + 1442695040888963407u) | 1;
        size_t steps = fill_slots(writer, slots, size, 64 - logarithm, seed);
        if (steps < least) {
            least = steps;
            best = seed;
        }
    }
    fill_slots(writer, slots, size, 64 - logarithm, best);
    fprintf(to, "\n/* %zu names in %zu places, found in %zu steps together. */\n", writer->count,
            size, least);
    fprintf(to, "const uint64_t command_seed = 0x%" PRIx64 "u;\n", best);
    fprintf(to, "const uint8_t command_slot_shift = %u;\n", 64 - logarithm);
    fprintf(to, "const struct command_slot command_slots[%zu] = {\n", size);
    if (writer->count == 0)
        fputs("    { { 0 }, 0, 0, 0 },\n", to);
    for (size_t i = 0; i < size; i++) {
        const struct command_slot *slot = &slots[i];

        if (slot->length != 0)
            fprintf(to,
                    "    [%zu] = { { 0x%" PRIx64 "u, 0x%" PRIx64 "u, 0x%" PRIx64
                    "u }, %u, %u, %u },\n",
                    i, slot->word[0], slot->word[1], slot->word[2], slot->row, slot->container,
                    slot->length);
    }
    fputs("};\n", to);
}

void tablegen_write(struct spec *spec, FILE *to)
{
    struct writer writer = { .to = to };

    arrange(&writer, spec);
    fputs("/* Made by tablegen from the command specs; changes belong there. */\n"
          "#include \"broker/dispatch/command_private.h\"\n\n",
          to);
    for (size_t i = 0; i < writer.count; i++) {
        if (writer.rows[i]->has_handler)
            fprintf(to, "enum verdict %s(struct call *call);\n", writer.rows[i]->handler);
    }
    for (size_t i = 0; i < writer.count; i++) {
        struct row *row = writer.rows[i];

        row->arguments_id = put_arguments(&writer, row->arguments);
        put_rules(to, row);
        put_docs(to, row);
    }
    fprintf(to, "\nconst uint16_t command_row_count = %zu;\n", writer.count);
    fprintf(to, "const uint16_t command_top_rows = %zu;\n", writer.top);
    fputs("const struct command command_rows[] = {\n", to);
    for (size_t i = 0; i < writer.count; i++)
        put_row(to, writer.rows[i]);
    /* C wants no empty array; nobody counts the last row. */
    fputs("    { .name = \"\", .full_name = \"\" },\n};\n", to);
    put_index(&writer);
}
