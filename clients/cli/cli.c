/*
 * millrace-cli: speaks to a broker from a terminal or a script.
 *
 * The options are those of redis-cli, so that fingers and scripts need not learn
 * anything; `millrace-cli demo` is ours.
 */
#include "clients/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "clients/cli/cli_demo.h"
#include "clients/cli/cli_modes.h"
#include "clients/cli/cli_options.h"
#include "clients/cli/cli_prompt.h"
#include "clients/cli/cli_run.h"

void *cli_memory(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);

    if (memory == NULL) {
        fputs("millrace-cli: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

bool cli_on_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

struct mr_link_setup cli_setup(const struct cli *cli)
{
    return (struct mr_link_setup){.host = cli->options.host,
                                  .port = cli->options.port,
                                  .path = cli->options.path,
                                  .user = cli->user,
                                  .password = cli->password,
                                  .database = cli->options.database,
                                  .protocol = cli->options.protocol};
}

/* Reads standard input to its end as one word. */
static char *read_input(size_t *length)
{
    size_t room = 64 * 1024;
    char *bytes = cli_memory(NULL, room);
    size_t count;

    *length = 0;
    while ((count = fread(bytes + *length, 1, room - *length, stdin)) > 0) {
        *length += count;
        if (*length == room) {
            room *= 2;
            bytes = cli_memory(bytes, room);
        }
    }
    return bytes;
}

/* Takes the words of the command line, quotes and standard input included. */
static bool gather_words(const struct cli_options *options, char **arguments, size_t count,
                         struct cli_words *words)
{
    bool tag_found = false;
    size_t length;

    for (size_t i = 0; i < count; i++) {
        if (options->input_tag != NULL && !tag_found &&
            strcmp(arguments[i], options->input_tag) == 0) {
            char *bytes = read_input(&length);

            tag_found = true;
            cli_words_add(words, bytes, length);
            free(bytes);
        } else if (options->quoted_input) {
            size_t before = words->count;

            if (!cli_words_split(words, arguments[i]) || words->count != before + 1) {
                puts("Invalid quoted string");
                return false;
            }
        } else {
            cli_words_add(words, arguments[i], strlen(arguments[i]));
        }
    }
    if (options->input_tag != NULL && !tag_found) {
        fputs("Using -X option but stdin tag not match.\n", stderr);
        return false;
    }
    if (options->last_from_input) {
        char *bytes = read_input(&length);

        cli_words_add(words, bytes, length);
        free(bytes);
    }
    return true;
}

static int run_command_line(struct cli *cli, char **arguments, size_t count)
{
    struct cli_words words;
    bool fine;

    cli_words_init(&words);
    fine = gather_words(&cli->options, arguments, count, &words) && cli_connect(cli) &&
           cli_run(cli, &words, cli->options.repeat);
    cli_words_clear(&words);
    return fine ? 0 : 1;
}

/* EVAL with the script of a file: keys, a comma, arguments. */
static int run_script(struct cli *cli, const char *file, char **arguments, size_t count)
{
    FILE *script = fopen(file, "rb");
    char *bytes = NULL;
    size_t room = 0;
    size_t keys = 0;
    char number[24];
    struct cli_words words;
    int status;

    if (script == NULL) {
        fprintf(stderr, "Can't open file '%s': %s\n", file, strerror(errno));
        return 1;
    }
    /* No script holds a zero byte, so one "line" up to it is the whole file. */
    ssize_t length = getdelim(&bytes, &room, '\0', script);

    fclose(script);
    while (keys < count && strcmp(arguments[keys], ",") != 0)
        keys++;
    snprintf(number, sizeof number, "%zu", keys);
    cli_words_init(&words);
    cli_words_add(&words, "EVAL", strlen("EVAL"));
    cli_words_add(&words, bytes != NULL ? bytes : "", length > 0 ? (size_t)length : 0);
    cli_words_add(&words, number, strlen(number));
    for (size_t i = 0; i < count; i++) {
        if (i != keys)
            cli_words_add(&words, arguments[i], strlen(arguments[i]));
    }
    free(bytes);
    status = cli_connect(cli) && cli_run(cli, &words, cli->options.repeat) ? 0 : 1;
    cli_words_clear(&words);
    return status;
}

/* Asks for a password without showing it. */
static void ask_password(struct cli *cli)
{
    struct termios shown, hidden;
    bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    char *line = NULL;
    size_t room = 0;

    fputs("Please input password: ", stderr);
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
    }
    if (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        free(cli->password);
        cli->password = strdup(line);
    }
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    fputc('\n', stderr);
    free(line);
}

static int run_mode(struct cli *cli, const struct cli_choice *choice)
{
    switch (cli->options.mode) {
    case CLI_PIPE:
        return cli_mode_pipe(cli);
    case CLI_SCAN:
        return cli_mode_scan(cli);
    case CLI_STAT:
        return cli_mode_stat(cli);
    case CLI_LATENCY:
        return cli_mode_latency(cli, false);
    case CLI_LATENCY_HISTORY:
        return cli_mode_latency(cli, true);
    case CLI_BIG_KEYS:
        return cli_mode_big_keys(cli);
    case CLI_DEMO:
        return cli_demo(cli);
    case CLI_COMMAND:
        break;
    }
    if (choice->script != NULL)
        return run_script(cli, choice->script, choice->words, choice->count);
    if (choice->count > 0)
        return run_command_line(cli, choice->words, choice->count);
    return cli_converse(cli);
}

int main(int count, char **arguments)
{
    struct cli cli = {0};
    struct cli_choice choice;
    int status;

    status = cli_options_read(&cli.options, &choice, count, arguments);
    if (status >= 0) {
        cli_choice_clear(&choice);
        return status;
    }
    cli.database = cli.options.database;
    cli.protocol = cli.options.protocol;
    cli.user = cli.options.user != NULL ? strdup(cli.options.user) : NULL;
    cli.password = cli.options.password != NULL ? strdup(cli.options.password) : NULL;
    if (choice.ask_password)
        ask_password(&cli);
    status = run_mode(&cli, &choice);
    mr_link_free(cli.link);
    free(cli.user);
    free(cli.password);
    cli_choice_clear(&choice);
    return status;
}
