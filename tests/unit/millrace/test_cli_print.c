/* What millrace-cli prints, in each of its styles. Its source is included: it is in no archive. */
#include <CUnit/Basic.h>
#include <stdlib.h>

#include "clients/cli/cli_print.c"

void suite_cli_print(void);

/* True if a reply, given as it comes from the wire, is printed so. */
static bool prints(enum cli_style style, const char *bytes, size_t length, const char *expected)
{
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);
    struct mr_reply *reply;
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    bool same;

    CU_ASSERT_TRUE_FATAL(mr_reader_feed(reader, bytes, length));
    CU_ASSERT_EQUAL_FATAL(mr_reader_next(reader), MR_READY);
    reply = mr_builder_take(builder);
    cli_print(out, reply, style, "\n");
    fclose(out);
    same = size == strlen(expected) && memcmp(printed, expected, size) == 0;
    if (!same)
        fprintf(stderr, "%s\n  is printed as\n%s\n", bytes, printed);
    free(printed);
    mr_reply_free(reply);
    mr_reader_free(reader);
    mr_builder_free(builder);
    return same;
}
#define PRINTS(style, bytes, expected) \
    CU_ASSERT(prints(style, bytes, sizeof(bytes) - 1, expected))

static void eyes_see_the_type_of_a_value(void)
{
    PRINTS(CLI_TTY, "+OK\r\n", "OK");
    PRINTS(CLI_TTY, "-ERR no\r\n", "(error) ERR no");
    PRINTS(CLI_TTY, ":-7\r\n", "(integer) -7");
    PRINTS(CLI_TTY, "$-1\r\n", "(nil)");
    PRINTS(CLI_TTY, "_\r\n", "(nil)");
    PRINTS(CLI_TTY, ",1.50\r\n", "(double) 1.50");
    PRINTS(CLI_TTY, "#t\r\n", "(true)");
    PRINTS(CLI_TTY, "(123456789012345678901\r\n", "123456789012345678901");
    PRINTS(CLI_TTY, "=7\r\ntxt:a\nb\r\n", "a\nb");
}

static void strange_bytes_are_escaped(void)
{
    PRINTS(CLI_TTY, "$12\r\na\"\\\n\r\t\a\b\0\x7f\xffz\r\n",
           "\"a\\\"\\\\\\n\\r\\t\\a\\b\\x00\\x7f\\xffz\"");
}

static void elements_are_numbered_and_stand_below_each_other(void)
{
    PRINTS(CLI_TTY, "*0\r\n", "(empty array)");
    PRINTS(CLI_TTY, "*2\r\n+a\r\n:1\r\n", "1) a\n2) (integer) 1");
    PRINTS(CLI_TTY, "*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n",
           " 1) (integer) 0\n 2) (integer) 1\n 3) (integer) 2\n 4) (integer) 3\n"
           " 5) (integer) 4\n 6) (integer) 5\n 7) (integer) 6\n 8) (integer) 7\n"
           " 9) (integer) 8\n10) (integer) 9");
    PRINTS(CLI_TTY, "*2\r\n*2\r\n+a\r\n+b\r\n*1\r\n*-1\r\n", "1) 1) a\n   2) b\n2) 1) (nil)");
}

static void maps_and_sets_have_marks_of_their_own(void)
{
    PRINTS(CLI_TTY, "%1\r\n+k\r\n:1\r\n", "1# k => (integer) 1");
    PRINTS(CLI_TTY, "%1\r\n+k\r\n*2\r\n+a\r\n+b\r\n", "1# k => \n   1) a\n   2) b");
    PRINTS(CLI_TTY, "~2\r\n+a\r\n+b\r\n", "1~ a\n2~ b");
    PRINTS(CLI_TTY, "%0\r\n", "(empty hash)");
    PRINTS(CLI_TTY, "~0\r\n", "(empty set)");
}

static void pipes_get_the_bytes(void)
{
    PRINTS(CLI_RAW, "$3\r\na\nb\r\n", "a\nb");
    PRINTS(CLI_RAW, ":7\r\n", "7");
    PRINTS(CLI_RAW, "$-1\r\n", "");
    PRINTS(CLI_RAW, "-ERR no\r\n", "ERR no\n");
    PRINTS(CLI_RAW, "*3\r\n+a\r\n*2\r\n+b\r\n+c\r\n:1\r\n", "a\nb\nc\n1");
    PRINTS(CLI_RAW, "%2\r\n+k\r\n:1\r\n+l\r\n:2\r\n", "k 1\nl 2");
}

static void tables_get_a_line(void)
{
    PRINTS(CLI_CSV, "*3\r\n$3\r\na\"b\r\n:1\r\n$-1\r\n", "\"a\\\"b\",1,NULL");
    PRINTS(CLI_CSV, "-ERR no\r\n", "ERROR,\"ERR no\"");
    PRINTS(CLI_CSV, "#f\r\n", "false");
}

static void programs_get_json(void)
{
    PRINTS(CLI_JSON, "*3\r\n$3\r\na\"b\r\n:1\r\n$-1\r\n", "[\"a\\\"b\",1,null]");
    PRINTS(CLI_JSON, "%2\r\n+k\r\n#t\r\n:2\r\n,1.5\r\n", "{\"k\":true,\"2\":1.5}");
    PRINTS(CLI_JSON, "$4\r\n\x01\xc3\xa9\n\r\n", "\"\\u0001\xc3\xa9\\n\"");
    PRINTS(CLI_QUOTED_JSON, "$4\r\n\x01\xc3\xa9\n\r\n", "\"\\u0001\\u00c3\\u00a9\\n\"");
    PRINTS(CLI_JSON, "-ERR no\r\n", "error:\"ERR no\"");
}

void suite_cli_print(void)
{
    CU_pSuite suite = CU_add_suite("cli_print", NULL, NULL);

    CU_add_test(suite, "eyes see the type of a value", eyes_see_the_type_of_a_value);
    CU_add_test(suite, "strange bytes are escaped", strange_bytes_are_escaped);
    CU_add_test(suite, "elements are numbered and stand below each other",
                elements_are_numbered_and_stand_below_each_other);
    CU_add_test(suite, "maps and sets have marks of their own",
                maps_and_sets_have_marks_of_their_own);
    CU_add_test(suite, "pipes get the bytes", pipes_get_the_bytes);
    CU_add_test(suite, "tables get a line", tables_get_a_line);
    CU_add_test(suite, "programs get JSON", programs_get_json);
}
