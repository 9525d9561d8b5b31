/* The table of commands: finding rows, and what they say against the oracle's words. */
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/dispatch/command.h"
#include "tests/unit/broker/command_facts.h"

void suite_command(void);

enum { NAME_ROOM = 64, TOLD_ROOM = 512 };

/* Spells a word with every other letter in capitals. */
static struct slice mix_case(const char *word, char *room)
{
    size_t length = strlen(word);

    for (size_t i = 0; i < length && i < NAME_ROOM; i++) {
        room[i] = word[i];
        if (i % 2 == 0 && word[i] >= 'a' && word[i] <= 'z')
            room[i] = (char)(word[i] - 'a' + 'A');
    }
    return slice_of(room, length);
}

static void test_every_row_is_found_by_its_words(void)
{
    struct command_memo memo = { 0 };

    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        char first[NAME_ROOM], second[NAME_ROOM];
        struct slice words[2] = { mix_case(command->name, first), SLICE("") };
        size_t count = 1;

        if (command->parent != NULL) {
            words[1] = mix_case(command->name, second);
            words[0] = mix_case(command->parent->name, first);
            count = 2;
        }
        CU_ASSERT_PTR_EQUAL(command_find(words, count), command);
        CU_ASSERT_PTR_EQUAL(command_find_again(&memo, words, count), command);
        CU_ASSERT_PTR_EQUAL(command_find_again(&memo, words, count), command);
        CU_ASSERT_PTR_EQUAL(command_named(command_full_name(command)), command);
        CU_ASSERT_EQUAL(command->index, i);
        CU_ASSERT_EQUAL(command->parent == NULL, i < command_top_count());
        CU_ASSERT_EQUAL(command->name_length, strlen(command->name));
        CU_ASSERT_EQUAL(command->full_name_length, strlen(command->full_name));
        CU_ASSERT_TRUE(command->run != NULL || command->subcommand_count > 0);
    }
}

static void test_subcommands_lie_together_behind_their_container(void)
{
    size_t counted = command_top_count();

    for (size_t i = 0; i < command_top_count(); i++) {
        const struct command *container = command_at(i);

        for (size_t j = 0; j < container->subcommand_count; j++)
            CU_ASSERT_PTR_EQUAL(container->subcommands[j].parent, container);
        counted += container->subcommand_count;
    }
    CU_ASSERT_EQUAL(counted, command_count());
}

static void test_unknown_words_are_not_found(void)
{
    static const char *const unknown[] = { "",
                                           "nosuch",
                                           "get ",
                                           "ge",
                                           "gett",
                                           "get\n",
                                           "[et",
                                           "@et",
                                           "|",
                                           "g\xe5t",
                                           "xgroup|create",
                                           "a-name-of-more-than-twenty-four-bytes",
                                           "a-name-of-24-bytes-......" };

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct slice words[1] = { slice_text(unknown[i]) };

        CU_ASSERT_PTR_NULL(command_find(words, 1));
    }
    /* Padding with zeros must not make a longer name equal. */
    for (size_t i = 0; i < command_top_count(); i++) {
        char longer[NAME_ROOM] = { 0 };
        const struct command *command = command_at(i);
        struct slice words[1] = { slice_of(longer, command->name_length + 1u) };

        memcpy(longer, command->name, command->name_length);
        CU_ASSERT_PTR_NULL(command_find(words, 1));
    }
}

static void test_an_unknown_subcommand_ends_at_its_container(void)
{
    for (size_t i = 0; i < command_top_count(); i++) {
        const struct command *command = command_at(i);
        struct slice words[3] = { command_name(command), SLICE("nosuch"), SLICE("x") };

        CU_ASSERT_PTR_EQUAL(command_find(words, 3), command);
        CU_ASSERT_EQUAL(command_lacks_subcommand(command, 3), command->subcommand_count > 0);
        CU_ASSERT_FALSE(command_lacks_subcommand(command, 1));
    }
    CU_ASSERT_PTR_NULL(command_named(SLICE("nosuch|create")));
    CU_ASSERT_PTR_NULL(command_named(SLICE("|")));
    CU_ASSERT_PTR_NULL(command_named(SLICE("")));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts words and joins them with blanks. */
static void join_sorted(const char **words, size_t count, char *told)
{
    told[0] = '\0';
    qsort(words, count, sizeof(*words), by_text);
    for (size_t i = 0; i < count; i++)
        snprintf(told + strlen(told), TOLD_ROOM - strlen(told), "%s%s", i > 0 ? " " : "", words[i]);
}

static void join_flags(const struct command *command, char *told)
{
    const char *words[32];
    size_t count = 0;

    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t flag = (uint32_t)1 << bit;

        if ((command->flags & flag) != 0 && command_flag_name((enum command_flags)flag) != NULL)
            words[count++] = command_flag_name((enum command_flags)flag);
    }
    join_sorted(words, count, told);
}

static void join_categories(const struct command *command, char *told)
{
    const char *words[CATEGORY_COUNT];
    size_t count = 0;

    for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
        if (command->categories & (uint64_t)1 << i)
            words[count++] = command_category_name((enum command_category)i);
    }
    join_sorted(words, count, told);
}

static void test_rows_say_what_the_oracle_says(void)
{
    for (size_t i = 0; i < sizeof(command_facts) / sizeof(command_facts[0]); i++) {
        const struct command_fact *fact = &command_facts[i];
        const struct command *command = command_named(slice_text(fact->name));
        char told[TOLD_ROOM];

        if (command == NULL)
            continue; /* not written yet */
        struct key_range range = key_rule_range(command);
        CU_ASSERT_EQUAL(command->arity, fact->arity);
        CU_ASSERT_EQUAL(range.first, fact->range.first);
        CU_ASSERT_EQUAL(range.last, fact->range.last);
        CU_ASSERT_EQUAL(range.step, fact->range.step);
        join_flags(command, told);
        CU_ASSERT_STRING_EQUAL(told, fact->flags);
        join_categories(command, told);
        CU_ASSERT_STRING_EQUAL(told, fact->categories);
    }
}

static void check_arguments(const struct command *command, const struct command_argument *list,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct command_argument *argument = &list[i];
        bool parts = argument->type == ARGUMENT_ONEOF || argument->type == ARGUMENT_BLOCK;

        CU_ASSERT_PTR_NOT_NULL(argument->name);
        CU_ASSERT_EQUAL(parts, argument->part_count > 0);
        CU_ASSERT_TRUE(argument->type != ARGUMENT_TOKEN || argument->token != NULL);
        CU_ASSERT_TRUE(argument->key_rule < (int)command->key_rule_count);
        check_arguments(command, argument->parts, argument->part_count);
    }
}

static void test_every_row_is_documented(void)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);
        const struct command_docs *docs = command->docs;

        CU_ASSERT_TRUE(docs->summary[strlen(docs->summary) - 1] == '.');
        CU_ASSERT_PTR_NOT_NULL(docs->since);
        CU_ASSERT_PTR_NOT_NULL(docs->group);
        CU_ASSERT_EQUAL((docs->flags & DOCS_DEPRECATED) != 0, docs->replaced_by != NULL);
        check_arguments(command, docs->arguments, docs->argument_count);
    }
}

static void test_categories_have_names_both_ways(void)
{
    enum command_category found;

    for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
        struct slice name = slice_text(command_category_name((enum command_category)i));

        CU_ASSERT_TRUE(command_category_find(name, &found));
        CU_ASSERT_EQUAL(found, i);
    }
    CU_ASSERT_TRUE(command_category_find(SLICE("SortedSet"), &found));
    CU_ASSERT_EQUAL(found, CATEGORY_SORTEDSET);
    CU_ASSERT_FALSE(command_category_find(SLICE("sorted"), &found));
}

static void test_arity_is_exact_or_a_least_number(void)
{
    const struct command exact = { .arity = 2 };
    const struct command least = { .arity = -3 };

    CU_ASSERT_TRUE(command_takes(&exact, 2));
    CU_ASSERT_FALSE(command_takes(&exact, 1));
    CU_ASSERT_FALSE(command_takes(&exact, 3));
    CU_ASSERT_FALSE(command_takes(&least, 2));
    CU_ASSERT_TRUE(command_takes(&least, 3));
    CU_ASSERT_TRUE(command_takes(&least, 300));
}

void suite_command(void)
{
    CU_pSuite suite = CU_add_suite("command", NULL, NULL);

    CU_add_test(suite, "every row is found by its words, in any case",
                test_every_row_is_found_by_its_words);
    CU_add_test(suite, "subcommands lie together behind their container",
                test_subcommands_lie_together_behind_their_container);
    CU_add_test(suite, "unknown words are not found", test_unknown_words_are_not_found);
    CU_add_test(suite, "an unknown subcommand ends at its container",
                test_an_unknown_subcommand_ends_at_its_container);
    CU_add_test(suite, "rows say what the oracle says", test_rows_say_what_the_oracle_says);
    CU_add_test(suite, "every row is documented", test_every_row_is_documented);
    CU_add_test(suite, "categories have names both ways", test_categories_have_names_both_ways);
    CU_add_test(suite, "arity is exact or a least number", test_arity_is_exact_or_a_least_number);
}
