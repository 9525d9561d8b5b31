/*
 * Options come first; the first word that is none begins the command. A row of
 * the table says how an option is written and whether it takes a word; what it
 * does is one case of a switch.
 */
#include "clients/cli/cli_options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CLI_VERSION "0.1.0"

enum option {
    OPTION_HOST, OPTION_PORT, OPTION_PATH, OPTION_PASSWORD, OPTION_USER, OPTION_ASKPASS,
    OPTION_URI, OPTION_REPEAT, OPTION_INTERVAL, OPTION_DATABASE, OPTION_RESP2, OPTION_RESP3,
    OPTION_LAST_INPUT, OPTION_TAG_INPUT, OPTION_DELIMITER, OPTION_END_DELIMITER,
    OPTION_EXIT_ERROR, OPTION_RAW, OPTION_NO_RAW, OPTION_CSV, OPTION_JSON, OPTION_QUOTED_JSON,
    OPTION_QUOTED_INPUT, OPTION_SHOW_PUSHES, OPTION_STAT, OPTION_LATENCY,
    OPTION_LATENCY_HISTORY, OPTION_PIPE, OPTION_PIPE_TIMEOUT, OPTION_SCAN, OPTION_PATTERN,
    OPTION_BIG_KEYS, OPTION_EVAL, OPTION_NO_WARNING, OPTION_SECONDS, OPTION_JOBS, OPTION_HELP,
    OPTION_VERSION, OPTION_NONE
};

struct option_row {
    const char *name;
    enum option option;
    bool        takes_word;
};

static const struct option_row rows[] = {
    {"-h", OPTION_HOST, true},
    {"-p", OPTION_PORT, true},
    {"-s", OPTION_PATH, true},
    {"-a", OPTION_PASSWORD, true},
    {"--pass", OPTION_PASSWORD, true},
    {"--user", OPTION_USER, true},
    {"--askpass", OPTION_ASKPASS, false},
    {"-u", OPTION_URI, true},
    {"-r", OPTION_REPEAT, true},
    {"-i", OPTION_INTERVAL, true},
    {"-n", OPTION_DATABASE, true},
    {"-2", OPTION_RESP2, false},
    {"-3", OPTION_RESP3, false},
    {"-x", OPTION_LAST_INPUT, false},
    {"-X", OPTION_TAG_INPUT, true},
    {"-d", OPTION_DELIMITER, true},
    {"-D", OPTION_END_DELIMITER, true},
    {"-e", OPTION_EXIT_ERROR, false},
    {"--raw", OPTION_RAW, false},
    {"--no-raw", OPTION_NO_RAW, false},
    {"--csv", OPTION_CSV, false},
    {"--json", OPTION_JSON, false},
    {"--quoted-json", OPTION_QUOTED_JSON, false},
    {"--quoted-input", OPTION_QUOTED_INPUT, false},
    {"--show-pushes", OPTION_SHOW_PUSHES, true},
    {"--stat", OPTION_STAT, false},
    {"--latency", OPTION_LATENCY, false},
    {"--latency-history", OPTION_LATENCY_HISTORY, false},
    {"--pipe", OPTION_PIPE, false},
    {"--pipe-timeout", OPTION_PIPE_TIMEOUT, true},
    {"--scan", OPTION_SCAN, false},
    {"--pattern", OPTION_PATTERN, true},
    {"--bigkeys", OPTION_BIG_KEYS, false},
    {"--eval", OPTION_EVAL, true},
    {"--no-auth-warning", OPTION_NO_WARNING, false},
    {"--seconds", OPTION_SECONDS, true},
    {"--jobs", OPTION_JOBS, true},
    {"--help", OPTION_HELP, false},
    {"-v", OPTION_VERSION, false},
    {"--version", OPTION_VERSION, false},
};

static const char usage[] =
    "millrace-cli " CLI_VERSION "\n"
    "\n"
    "Usage: millrace-cli [OPTIONS] [cmd [arg [arg ...]]]\n"
    "       millrace-cli [OPTIONS] demo [--seconds <n>] [--jobs <n>]\n"
    "\n"
    "Where to\n"
    "  -h <host>  -p <port>     127.0.0.1 and 6379 unless told\n"
    "  -s <path>                a unix socket instead\n"
    "  -u <uri>                 redis://user:password@host:port/db\n"
    "  -n <db>                  the database to select\n"
    "\n"
    "As whom\n"
    "  -a <password>            or --pass; or the variable REDISCLI_AUTH, which others\n"
    "                           cannot see in the list of processes\n"
    "  --user <name>            with the password, instead of the default user\n"
    "  --askpass                asks for the password\n"
    "  --no-auth-warning        does not warn of -a\n"
    "\n"
    "How\n"
    "  -2  -3                   the version of the protocol\n"
    "  -r <n>  -i <seconds>     n times (-1: for ever), with a pause\n"
    "  -x                       the last word comes from standard input\n"
    "  -X <tag>                 the word <tag> is replaced by standard input\n"
    "  --quoted-input           words may have quotes and escapes\n"
    "  --eval <file> [key ...] [, arg ...]   runs a script\n"
    "  -e                       an error reply goes to stderr and ends with status 1\n"
    "\n"
    "On paper\n"
    "  --raw  --no-raw          for pipes, for eyes; by itself: eyes on a terminal\n"
    "  --csv  --json  --quoted-json\n"
    "  -d <text>  -D <text>     between elements, between replies, when raw\n"
    "  --show-pushes <yes|no>   whether RESP3 pushes are shown\n"
    "\n"
    "Other uses\n"
    "  --pipe                   sends standard input, already in the protocol\n"
    "  --pipe-timeout <s>       how long to wait for the last reply (30; 0: for ever)\n"
    "  --scan                   all keys, without blocking the broker\n"
    "  --pattern <glob>         which keys, for --scan and --bigkeys\n"
    "  --bigkeys                the largest keys of each type\n"
    "  --stat                   a line of numbers each second, or each -i\n"
    "  --latency                how long a PING takes; --latency-history: again and again\n"
    "  demo                     producers, workers and subscribers at work, with an audit\n"
    "\n"
    "Without a command it is a conversation; type help there.\n";

static const struct option_row *find_row(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

/* Turns %20 and kin into their bytes, in place. */
static void decode_percent(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; to++) {
        if (at[0] == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            const char digits[3] = {at[1], at[2], '\0'};

            *to = (char)(unsigned char)strtoul(digits, NULL, 16);
            at += 3;
        } else {
            *to = *at++;
        }
    }
    *to = '\0';
}

static char *cut(const char *from, size_t length)
{
    char *text = strndup(from, length);

    if (text == NULL)
        exit(1);
    decode_percent(text);
    return text;
}

/* redis://[user[:password]@]host[:port][/db]; a lone word before @ is the password. */
static bool read_uri(struct cli_options *options, struct cli_choice *choice, const char *uri)
{
    const char *at = strstr(uri, "://");

    if (at == NULL ||
        (strncmp(uri, "redis://", 8) != 0 && strncmp(uri, "millrace://", 11) != 0)) {
        fputs("Invalid URI scheme\n", stderr);
        return false;
    }
    at += 3;

    size_t length = strcspn(at, "/?");
    const char *slash = at + length;
    const char *sign = memchr(at, '@', length);

    if (sign != NULL) {
        const char *colon = memchr(at, ':', (size_t)(sign - at));
        const char *password = colon != NULL ? colon + 1 : at;

        if (colon != NULL && colon > at)
            options->user = choice->uri_parts[0] = cut(at, (size_t)(colon - at));
        options->password = choice->uri_parts[1] = cut(password, (size_t)(sign - password));
        at = sign + 1;
    }

    const char *bracket = *at == '[' ? memchr(at, ']', (size_t)(slash - at)) : NULL;
    const char *from = bracket != NULL ? bracket : at;
    const char *colon = memchr(from, ':', (size_t)(slash - from));
    const char *end = colon != NULL ? colon : slash;

    if (bracket != NULL)
        options->host = choice->uri_parts[2] = cut(at + 1, (size_t)(bracket - at - 1));
    else if (end > at)
        options->host = choice->uri_parts[2] = cut(at, (size_t)(end - at));
    if (colon != NULL)
        options->port = (int)strtol(colon + 1, NULL, 10);
    if (*slash == '/' && slash[1] != '\0')
        options->database = (int)strtol(slash + 1, NULL, 10);
    return true;
}

static void choose_style(struct cli_options *options, enum cli_style style)
{
    options->style = style;
    options->style_said = true;
    /* JSON has maps and booleans; RESP2 has not. */
    if ((style == CLI_JSON || style == CLI_QUOTED_JSON) && options->protocol == 0)
        options->protocol = 3;
}

static void warn_of_password(void)
{
    fputs("Warning: Using a password with '-a' or '-u' option on the command line interface may "
          "not be safe.\n",
          stderr);
}

static bool is_no(const char *word)
{
    return word[0] == 'n' || word[0] == 'N';
}

/* The options that say where, as whom and how. False if the option is not among them. */
static bool take_how(struct cli_options *options, enum option option, const char *word)
{
    switch ((int)option) {
    case OPTION_HOST:
        options->host = word;
        return true;
    case OPTION_PORT:
        options->port = (int)strtol(word, NULL, 10);
        return true;
    case OPTION_PATH:
        options->path = word;
        return true;
    case OPTION_PASSWORD:
        options->password = word;
        return true;
    case OPTION_USER:
        options->user = word;
        return true;
    case OPTION_REPEAT:
        options->repeat = strtol(word, NULL, 10);
        return true;
    case OPTION_INTERVAL:
        options->interval = strtod(word, NULL);
        return true;
    case OPTION_DATABASE:
        options->database = (int)strtol(word, NULL, 10);
        return true;
    case OPTION_RESP2:
        options->protocol = 2;
        return true;
    case OPTION_RESP3:
        options->protocol = 3;
        return true;
    case OPTION_LAST_INPUT:
        options->last_from_input = true;
        return true;
    case OPTION_TAG_INPUT:
        options->input_tag = word;
        return true;
    case OPTION_QUOTED_INPUT:
        options->quoted_input = true;
        return true;
    case OPTION_EXIT_ERROR:
        options->exit_on_error = true;
        return true;
    case OPTION_NO_WARNING:
        options->quiet_about_passwords = true;
        return true;
    default:
        return false;
    }
}

/* The options on how replies are printed. False if the option is not among them. */
static bool take_style(struct cli_options *options, enum option option, const char *word)
{
    switch ((int)option) {
    case OPTION_DELIMITER:
        options->delimiter = word;
        return true;
    case OPTION_END_DELIMITER:
        options->end_delimiter = word;
        return true;
    case OPTION_RAW:
        choose_style(options, CLI_RAW);
        return true;
    case OPTION_NO_RAW:
        choose_style(options, CLI_TTY);
        return true;
    case OPTION_CSV:
        choose_style(options, CLI_CSV);
        return true;
    case OPTION_JSON:
        choose_style(options, CLI_JSON);
        return true;
    case OPTION_QUOTED_JSON:
        choose_style(options, CLI_QUOTED_JSON);
        return true;
    case OPTION_SHOW_PUSHES:
        options->show_pushes = is_no(word) ? 0 : 1;
        return true;
    default:
        return false;
    }
}

/* The options that ask for another use. False if the option is not among them. */
static bool take_mode(struct cli_options *options, enum option option, const char *word)
{
    switch ((int)option) {
    case OPTION_STAT:
        options->mode = CLI_STAT;
        return true;
    case OPTION_LATENCY:
        options->mode = CLI_LATENCY;
        return true;
    case OPTION_LATENCY_HISTORY:
        options->mode = CLI_LATENCY_HISTORY;
        return true;
    case OPTION_PIPE:
        options->mode = CLI_PIPE;
        return true;
    case OPTION_PIPE_TIMEOUT:
        options->pipe_timeout = (int)strtol(word, NULL, 10);
        return true;
    case OPTION_SCAN:
        options->mode = CLI_SCAN;
        return true;
    case OPTION_PATTERN:
        options->pattern = word;
        return true;
    case OPTION_BIG_KEYS:
        options->mode = CLI_BIG_KEYS;
        return true;
    case OPTION_SECONDS:
        options->demo_seconds = strtod(word, NULL);
        return true;
    case OPTION_JOBS:
        options->demo_jobs = strtol(word, NULL, 10);
        return true;
    default:
        return false;
    }
}

/* Reads one option; returns -1 to go on, else the exit status. */
static int take_option(struct cli_options *options, struct cli_choice *choice,
                       enum option option, const char *word)
{
    if (option == OPTION_HELP) {
        fputs(usage, stdout);
        return 0;
    }
    if (option == OPTION_VERSION) {
        puts("millrace-cli " CLI_VERSION);
        return 0;
    }
    if (option == OPTION_ASKPASS)
        choice->ask_password = true;
    else if (option == OPTION_EVAL)
        choice->script = word;
    else if (option == OPTION_URI)
        return read_uri(options, choice, word) ? -1 : 1;
    else if (!take_how(options, option, word) && !take_style(options, option, word))
        take_mode(options, option, word);
    return -1;
}

static void set_defaults(struct cli_options *options)
{
    *options = (struct cli_options){.host = "127.0.0.1",
                                    .port = 6379,
                                    .repeat = 1,
                                    .delimiter = "\n",
                                    .end_delimiter = "\n",
                                    .show_pushes = -1,
                                    .pattern = NULL,
                                    .pipe_timeout = 30,
                                    .demo_seconds = 10};
}

/* What can be said only when all options are known. */
static int finish(struct cli_options *options, bool password_said)
{
    if (options->last_from_input && options->input_tag != NULL) {
        fputs("Options -x and -X are mutually exclusive.\n", stderr);
        return 1;
    }
    if (options->port < 0 || options->port > 65535) {
        fputs("Invalid server port.\n", stderr);
        return 1;
    }
    if (password_said && !options->quiet_about_passwords)
        warn_of_password();
    if (options->password == NULL)
        options->password = getenv("REDISCLI_AUTH");
    if (!options->style_said)
        options->style = cli_on_terminal() ? CLI_TTY : CLI_RAW;
    return -1;
}

int cli_options_read(struct cli_options *options, struct cli_choice *choice, int count,
                     char **arguments)
{
    int at = 1;

    set_defaults(options);
    memset(choice, 0, sizeof *choice);
    while (at < count) {
        const struct option_row *row = find_row(arguments[at]);
        bool is_last = at + 1 == count;

        /* 'demo' may stand before its own options. */
        if (strcmp(arguments[at], "demo") == 0 && options->mode == CLI_COMMAND) {
            options->mode = CLI_DEMO;
            at++;
            continue;
        }
        if (row != NULL && row->option == OPTION_HOST && is_last)
            return take_option(options, choice, OPTION_HELP, NULL);
        if (row == NULL && arguments[at][0] != '-')
            break;
        if (row == NULL || (row->takes_word && is_last)) {
            fprintf(stderr, "Unrecognized option or bad number of args for: '%s'\n",
                    arguments[at]);
            return 1;
        }

        int status =
            take_option(options, choice, row->option, row->takes_word ? arguments[at + 1] : NULL);

        if (status >= 0)
            return status;
        at += row->takes_word ? 2 : 1;
        if (row->option == OPTION_EVAL)
            break;
    }
    choice->words = arguments + at;
    choice->count = (size_t)(count - at);
    return finish(options, options->password != NULL);
}

void cli_choice_clear(struct cli_choice *choice)
{
    for (size_t i = 0; i < sizeof choice->uri_parts / sizeof choice->uri_parts[0]; i++)
        free(choice->uri_parts[i]);
}
