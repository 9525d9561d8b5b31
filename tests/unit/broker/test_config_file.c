#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/config/config_file.h"
#include "broker/config/config_help.h"
#include "broker/config/config_rewrite.h"

void suite_config_file(void);

static bool contains(const struct buffer *text, const char *part)
{
    return memmem(text->at, text->len, part, strlen(part)) != NULL;
}

/* Whether a file of this text is refused with a report that has this part. */
static bool refuses(const char *text, const char *part)
{
    struct config *config = config_new();
    struct buffer report = { 0 };
    bool fine = !config_file_read_text(config, "x.conf", slice_text(text), &report) &&
                contains(&report, "\n*** FATAL CONFIG FILE ERROR") && contains(&report, part);

    buffer_clear(&report);
    config_free(config);
    return fine;
}

static struct config *read_text(const char *text)
{
    struct config *config = config_new();
    struct buffer report = { 0 };

    CU_ASSERT_TRUE(config_file_read_text(config, "x.conf", slice_text(text), &report));
    buffer_clear(&report);
    return config;
}

static void comments_blanks_and_quotes_are_understood(void)
{
    struct config *config = read_text("# a comment\n\n   \t port   7000 \r\n"
                                      "requirepass \"a \\\"b\\\" \\x41\\n\"\n"
                                      "logfile 'it\\'s'\nPORT 7001\nsave \"\"\nmaxmemory 0");
    const struct options *options = config_options(config);

    CU_ASSERT_EQUAL(options->port, 7001);
    CU_ASSERT_STRING_EQUAL(options->requirepass.at, "a \"b\" A\n");
    CU_ASSERT_STRING_EQUAL(options->logfile, "it's");
    config_free(config);
}

static void a_bad_line_is_reported_with_its_number_and_reason(void)
{
    CU_ASSERT_TRUE(refuses("\n\n  hz x  \n", "at line 3 of x.conf\n>>> 'hz x'\n"
                                             "argument couldn't be parsed into an integer\n"));
    CU_ASSERT_TRUE(refuses("foo bar", "Bad directive or wrong number of arguments: "
                                      "there is no option 'foo'\n"));
    CU_ASSERT_TRUE(refuses("port", "wrong number of arguments\n"));
    CU_ASSERT_TRUE(refuses("hz 1 2", "wrong number of arguments\n"));
    CU_ASSERT_TRUE(refuses("bad \"quote", "Unbalanced quotes in configuration line\n"));
    CU_ASSERT_TRUE(refuses("hz \"1\"0", "Unbalanced quotes in configuration line\n"));
    CU_ASSERT_TRUE(refuses("rename-command GET", "wrong number of arguments\n"));
    CU_ASSERT_TRUE(refuses("loadmodule x.so", "loadmodule is not supported"));
    CU_ASSERT_TRUE(refuses("cluster-enabled yes", "'yes' is not supported yet"));
}

static bool read_arguments(struct config *config, int count, const char *const *arguments,
                           struct buffer *report)
{
    return config_file_read_arguments(config, count, (char *const *)(uintptr_t)arguments, report);
}

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static void arguments_are_options_with_their_values(void)
{
    const char *arguments[] = { "--port", "7000",      "--requirepass", "--secret", "--save",
                                "--hz",   "20",        "--timeout 9",   "--bind",   "127.0.0.1",
                                "::1",    "--logfile", "a b",           "--save",   "",
                                "--save" };
    struct config *config = config_new();
    struct buffer report = { 0 };
    const struct options *options = config_options(config);

    CU_ASSERT_TRUE(read_arguments(config, COUNT_OF(arguments), arguments, &report));
    CU_ASSERT_EQUAL(options->port, 7000);
    CU_ASSERT_STRING_EQUAL(options->requirepass.at, "--secret");
    CU_ASSERT_EQUAL(options->hz, 20);
    CU_ASSERT_EQUAL(options->timeout, 9);
    CU_ASSERT_EQUAL(options->bind.count, 2);
    CU_ASSERT_STRING_EQUAL(options->logfile, "a b");
    buffer_clear(&report);
    config_free(config);
}

/* Whether arguments are refused with a report that has this part. */
static bool refuses_arguments(int count, const char *const *arguments, const char *part)
{
    struct config *config = config_new();
    struct buffer report = { 0 };
    bool fine = !read_arguments(config, count, arguments, &report) && contains(&report, part);

    buffer_clear(&report);
    config_free(config);
    return fine;
}

static void bad_arguments_are_reported(void)
{
    CU_ASSERT_TRUE(refuses_arguments(1, (const char *[]){ "--port" },
                                     ">>> 'port'\nwrong number of arguments\n"));
    CU_ASSERT_TRUE(refuses_arguments(3, (const char *[]){ "--port", "1", "2" },
                                     ">>> 'port \"1\" \"2\"'\nwrong number of arguments\n"));
    CU_ASSERT_TRUE(refuses_arguments(2, (const char *[]){ "--port", "--bind" },
                                     ">>> 'port \"--bind\"'\nargument couldn't"));
    CU_ASSERT_TRUE(refuses_arguments(2, (const char *[]){ "--foo", "bar" }, "Bad directive"));
    CU_ASSERT_TRUE(refuses_arguments(1, (const char *[]){ "/no/such/file" },
                                     "can't open config file '/no/such/file': No such file"));
}

static void a_likely_mistake_is_explained(void)
{
    struct config *config = config_new();
    struct buffer report = { 0 };

    CU_ASSERT_FALSE(config_file_read_text(config, "x.conf", SLICE("\ninclude /no/such/file"),
                                          &report));
    CU_ASSERT_TRUE(contains(&report, "can't open config file '/no/such/file': No such file"));
    CU_ASSERT_TRUE(contains(&report, "It is included at line 2 of x.conf.\n"));
    buffer_clear(&report);
    config_free(config);
    CU_ASSERT_TRUE(refuses("prot 7000", "there is no option 'prot'; did you mean 'port'?\n"));
    CU_ASSERT_TRUE(refuses("MAXMEMRY 1gb", "did you mean 'maxmemory'?\n"));
    CU_ASSERT_TRUE(refuses("ab 1", "there is no option 'ab'\n"));
    CU_ASSERT_TRUE(refuses("hz 10 # often", "A comment needs a line of its own.\n"));
    CU_ASSERT_TRUE(refuses("hz = 10", "There is no = between an option and its value.\n"));
    CU_ASSERT_TRUE(refuses_arguments(2, (const char *[]){ "-p", "7000" }, "two dashes"));
    CU_ASSERT_TRUE(refuses_arguments(1, (const char *[]){ "--port=7000" }, "a word of its own"));
    CU_ASSERT_TRUE(refuses_arguments(1, (const char *[]){ "start" }, "see millrace --help"));
}

/* Lines of the redis.conf that comes with Redis 7.0 and have no test elsewhere. */
static void lines_of_a_stock_file_are_followed(void)
{
    struct config *config = read_text("bind 127.0.0.1 -::1\nprotected-mode yes\n"
                                      "proc-title-template \"{title} {listen-addr} {server-mode}\"\n"
                                      "rdb-del-sync-files no\nrepl-diskless-sync-max-replicas 0\n"
                                      "lazyfree-lazy-user-flush no\noom-score-adj-values 0 200 800\n"
                                      "disable-thp yes\nactiverehashing yes\ndynamic-hz yes\n"
                                      "rdb-save-incremental-fsync yes\njemalloc-bg-thread yes\n");

    CU_ASSERT_TRUE(config_options(config)->disable_thp);
    config_free(config);
}

/* With every # gone from in front of a name, the sample says what is so anyway. */
static void the_sample_can_be_read_and_changes_nothing(void)
{
    struct config *config = config_new();
    struct config *usual = config_new();
    struct buffer sample = { 0 };
    struct buffer report = { 0 };

    config_help_sample(&sample);
    for (size_t i = 0; i + 2 < sample.len; i++) {
        if (memcmp(sample.at + i, "\n#", 2) == 0 && sample.at[i + 2] != ' ')
            sample.at[i + 1] = ' ';
    }
    CU_ASSERT_TRUE(contains(&sample, "\n port 6379\n"));
    CU_ASSERT_FALSE(contains(&sample, "cluster-enabled"));
    CU_ASSERT_TRUE(config_file_read_text(config, "sample", buffer_slice(&sample), &report));
    for (size_t i = 0; i < options_count(); i++)
        CU_ASSERT_TRUE(options_equal(config_options(config), config_options(usual), options_at(i)));
    buffer_clear(&report);
    buffer_clear(&sample);
    config_free(usual);
    config_free(config);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void remove_file(const char *folder, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

static void files_include_others_in_order_and_not_for_ever(void)
{
    char folder[] = "/tmp/millrace-config-XXXXXX";
    char main_file[128];
    char text[512];
    const char *arguments[] = { main_file, "--timeout", "3" };
    struct config *config = config_new();
    struct buffer report = { 0 };

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(main_file, sizeof(main_file), "%s/main.conf", folder);
    snprintf(text, sizeof(text), "port 1\ninclude %s/part-*.conf\ninclude %s/none-*.conf\n", folder,
             folder);
    write_file(folder, "main.conf", text);
    write_file(folder, "part-a.conf", "port 2\nmaxclients 5\n");
    write_file(folder, "part-b.conf", "port 3\n");
    CU_ASSERT_TRUE(read_arguments(config, 3, arguments, &report));
    CU_ASSERT_EQUAL(config_options(config)->port, 3);
    CU_ASSERT_EQUAL(config_options(config)->maxclients, 5);
    CU_ASSERT_EQUAL(config_options(config)->timeout, 3);
    CU_ASSERT_STRING_EQUAL(config_path(config), main_file);

    snprintf(text, sizeof(text), "include %s/part-a.conf\n", folder);
    write_file(folder, "part-a.conf", text);
    CU_ASSERT_FALSE(read_arguments(config, 3, arguments, &report));
    CU_ASSERT_TRUE(contains(&report, "include one another too deeply"));
    buffer_clear(&report);

    remove_file(folder, "main.conf");
    remove_file(folder, "part-a.conf");
    remove_file(folder, "part-b.conf");
    rmdir(folder);
    config_free(config);
}

static void rewriting_keeps_comments_and_what_still_holds(void)
{
    const char before[] = "# mine\nport 7000\n\nmaxclients  64   \nproto-max-bulk-len 1mb\n"
                          "port 7001\ninclude /none/*.conf\nlogfile \"\"\n";
    struct config *config = read_text(before);
    struct config_pair pairs[] = {
        { SLICE("port"), SLICE("7002") },
        { SLICE("requirepass"), SLICE("a b") },
    };
    struct trouble trouble;
    struct buffer after = { 0 };
    struct buffer again = { 0 };

    CU_ASSERT_TRUE(config_set_live(config, pairs, 2, false, &trouble));
    config_rewrite_text(config, slice_text(before), false, &after);
    CU_ASSERT_TRUE(
        slice_equal(buffer_slice(&after),
                    SLICE("# mine\nport 7002\n\nmaxclients  64   \nproto-max-bulk-len 1mb\n"
                          "include /none/*.conf\nlogfile \"\"\n# Generated by CONFIG REWRITE\n"
                          "requirepass \"a b\"\n")));

    /* Once more nothing changes, but that the sign is not needed. */
    config_rewrite_text(config, buffer_slice(&after), false, &again);
    CU_ASSERT_TRUE(contains(&again, "logfile \"\"\nrequirepass \"a b\"\n"));
    buffer_clear(&after);
    buffer_clear(&again);
    config_free(config);
}

static void rewriting_all_says_what_is_at_its_default_too(void)
{
    struct config *config = read_text("port 7000\n");
    struct buffer after = { 0 };
    struct buffer report = { 0 };
    struct config *again = config_new();

    config_rewrite_text(config, SLICE("port 7000\n"), true, &after);
    CU_ASSERT_TRUE(contains(&after, "port 7000\n# Generated by CONFIG REWRITE\nbind "));
    CU_ASSERT_TRUE(contains(&after, "\nwatchdog-period 0\n"));
    CU_ASSERT_TRUE(config_file_read_text(again, "x.conf", buffer_slice(&after), &report));
    for (size_t i = 0; i < options_count(); i++)
        CU_ASSERT_TRUE(options_equal(config_options(config), config_options(again),
                                     options_at(i)));
    buffer_clear(&after);
    buffer_clear(&report);
    config_free(again);
    config_free(config);
}

static bool two_users(const struct slice *words, size_t count, struct trouble *trouble)
{
    if (slice_equal(words[count - 1], SLICE("bad")))
        return trouble_set(trouble, "it is bad");
    return true;
}

static bool no_bad_name(void *who, struct slice from, struct slice to, struct trouble *trouble)
{
    (void)who;
    (void)from;
    return !slice_equal(to, SLICE("bad")) || trouble_set(trouble, "it is bad");
}

static void show_rename(void *who, struct slice from, struct slice to)
{
    struct buffer *shown = who;

    buffer_print(shown, "%.*s>%.*s|", (int)from.len, from.at, (int)to.len, to.at);
}

static void lines_that_rename_commands_are_kept(void)
{
    static const char text[] = "rename-command GET fetch\nRename-Command CONFIG \"\"\n";
    struct config *config = config_new();
    struct buffer report = { 0 };
    struct buffer shown = { 0 };
    struct buffer after = { 0 };

    config_check_renames(config, no_bad_name, NULL);
    CU_ASSERT_TRUE(config_file_read_text(config, "x.conf", slice_text(text), &report));
    config_visit_renames(config, show_rename, &shown);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&shown), SLICE("GET>fetch|CONFIG>|")));
    config_rewrite_text(config, slice_text(text), false, &after);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&after), slice_text(text)));
    CU_ASSERT_FALSE(config_file_read_text(config, "x.conf", SLICE("rename-command SET bad"),
                                          &report));
    CU_ASSERT_TRUE(contains(&report, "it is bad"));
    buffer_clear(&report);
    buffer_clear(&shown);
    buffer_clear(&after);
    config_free(config);
}

static void print_two(const void *who, struct buffer *to)
{
    (void)who;
    buffer_add(to, SLICE("user a on #12\nuser b ~x\"y\\z\n"));
}

static void show_line(void *who, const struct slice *words, size_t count)
{
    struct buffer *shown = who;

    for (size_t i = 0; i < count; i++)
        buffer_print(shown, "%.*s|", (int)words[i].len, words[i].at);
}

static void users_are_kept_as_words_and_said_anew(void)
{
    static const char text[] = "port 1\nuser a on >x (+get ~k)\n# two\nUSER b \nhz 5\n";
    struct config *config = config_new();
    struct buffer report = { 0 };
    struct buffer shown = { 0 };
    struct buffer after = { 0 };

    config_check_users(config, two_users);
    CU_ASSERT_TRUE(config_file_read_text(config, "x.conf", slice_text(text), &report));
    config_visit_users(config, show_line, &shown);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&shown), SLICE("a|on|>x|(+get|~k)|b|")));
    config_rewrite_text(config, slice_text(text), false, &after);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&after), slice_text(text)));
    buffer_rewind(&after);
    config_print_users(config, print_two, NULL);
    config_rewrite_text(config, slice_text(text), false, &after);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&after),
                               SLICE("port 1\nuser a on #12\nuser b \"~x\\\"y\\\\z\"\n# two\n"
                                     "hz 5\n")));
    buffer_rewind(&after);
    config_rewrite_text(config, SLICE("port 1\nhz 5\n"), false, &after);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&after),
                               SLICE("port 1\nhz 5\n# Generated by CONFIG REWRITE\n"
                                     "user a on #12\nuser b \"~x\\\"y\\\\z\"\n")));
    CU_ASSERT_FALSE(config_file_read_text(config, "x.conf", SLICE("user c bad"), &report));
    CU_ASSERT_TRUE(contains(&report, "Error in user declaration 'c': it is bad\n"));
    CU_ASSERT_FALSE(config_file_read_text(config, "x.conf", SLICE("user a on"), &report));
    CU_ASSERT_TRUE(contains(&report, "Error in user declaration 'a': Duplicate user found. A user "
                                     "can only be defined once in config files\n"));
    CU_ASSERT_FALSE(config_file_read_text(config, "x.conf", SLICE("user"), &report));
    buffer_clear(&after);
    buffer_clear(&shown);
    buffer_clear(&report);
    config_free(config);
}

void suite_config_file(void)
{
    CU_pSuite suite = CU_add_suite("config_file", NULL, NULL);

    CU_add_test(suite, "comments, blanks and quotes are understood",
                comments_blanks_and_quotes_are_understood);
    CU_add_test(suite, "a bad line is reported with its number and reason",
                a_bad_line_is_reported_with_its_number_and_reason);
    CU_add_test(suite, "arguments are options with their values",
                arguments_are_options_with_their_values);
    CU_add_test(suite, "bad arguments are reported", bad_arguments_are_reported);
    CU_add_test(suite, "a likely mistake is explained", a_likely_mistake_is_explained);
    CU_add_test(suite, "lines of a stock file are followed", lines_of_a_stock_file_are_followed);
    CU_add_test(suite, "the sample can be read and changes nothing",
                the_sample_can_be_read_and_changes_nothing);
    CU_add_test(suite, "files include others in order and not for ever",
                files_include_others_in_order_and_not_for_ever);
    CU_add_test(suite, "rewriting keeps comments and what still holds",
                rewriting_keeps_comments_and_what_still_holds);
    CU_add_test(suite, "lines that rename commands are kept",
                lines_that_rename_commands_are_kept);
    CU_add_test(suite, "rewriting all says what is at its default too",
                rewriting_all_says_what_is_at_its_default_too);
    CU_add_test(suite, "users are kept as words and said anew",
                users_are_kept_as_words_and_said_anew);
}
