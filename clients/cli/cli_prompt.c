/*
 * libedit keeps the line; we hang three functions on it, which find us through
 * EL_CLIENTDATA: the prompt, the hint at the right, and what TAB does.
 *
 * The hint follows the words of the line, so the blank between words is bound to
 * a function that has the line drawn anew; other keys leave the hint as it is.
 */
#include "clients/cli/cli_prompt.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/cli_hints.h"
#include "clients/cli/cli_run.h"
#include "clients/cli/cli_words.h"

enum { HISTORY_LINES = 1000, PROMPT_BYTES = 320, HINT_BYTES = 512, COLUMNS_DEFAULT = 80 };

/* Says whether the conversation goes on. */
enum next { NEXT_LINE, NEXT_END };

struct prompt {
    struct cli       *cli;
    struct cli_hints *hints; /* NULL until somebody wants them */
    bool              show_hints;
    History          *history;
    char             *elsewhere; /* the host CONNECT named; the options point at it */
    char              history_file[512];
    char              text[PROMPT_BYTES];
    char              hint[HINT_BYTES];
};

/* --- the words that are ours ------------------------------------------------- */

static const struct cli_hints *hints_of(struct prompt *prompt)
{
    if (prompt->hints == NULL)
        prompt->hints = cli_hints_load(prompt->cli);
    return prompt->hints;
}

static void help(struct prompt *prompt, const struct cli_words *words)
{
    char topic[128] = "";

    for (size_t i = 1; i < words->count; i++) {
        size_t length = strlen(topic);

        snprintf(topic + length, sizeof topic - length, "%s%s", i > 1 ? " " : "", words->words[i]);
    }
    cli_hints_help(hints_of(prompt), stdout, topic);
}

static void connect_elsewhere(struct prompt *prompt, const struct cli_words *words)
{
    struct cli *cli = prompt->cli;

    /* The options outlive this line, and so must the name. */
    free(prompt->elsewhere);
    prompt->elsewhere = strdup(words->words[1]);
    cli->options.host = prompt->elsewhere;
    cli->options.port = (int)strtol(words->words[2], NULL, 10);
    cli->options.path = NULL;
    cli_hints_free(prompt->hints);
    prompt->hints = NULL;
    cli_connect(cli);
}

/* Does what is not for the broker. True if the line was such. */
static bool run_own(struct prompt *prompt, const struct cli_words *words)
{
    if (cli_words_is(words, 0, "help") || cli_words_is(words, 0, "?")) {
        help(prompt, words);
    } else if (cli_words_is(words, 0, "clear") && words->count == 1) {
        fputs("\x1b[H\x1b[2J", stdout);
        fflush(stdout);
    } else if (cli_words_is(words, 0, "connect") && words->count == 3) {
        connect_elsewhere(prompt, words);
    } else if (cli_words_is(words, 0, ":set") && words->count == 2) {
        prompt->show_hints = !cli_words_is(words, 1, "nohints");
    } else {
        return false;
    }
    return true;
}

/* Takes a number in front of a command as how often to run it. False if it is bad. */
static bool take_repeat(struct cli_words *words, long *repeat)
{
    char *end;

    *repeat = 1;
    if (words->count < 2)
        return true;
    errno = 0;

    long number = strtol(words->words[0], &end, 10);

    if (end == words->words[0] || *end != '\0')
        return true;
    if (errno != 0 || number <= 0) {
        puts("Invalid millrace-cli repeat command option value.");
        return false;
    }
    *repeat = number;
    cli_words_drop(words, 1);
    return true;
}

/* Runs one line, whoever it is for. */
static enum next run_line(struct prompt *prompt, const char *line)
{
    struct cli_words words;
    enum next next = NEXT_LINE;
    long repeat;

    cli_words_init(&words);
    if (!cli_words_split(&words, line))
        puts("Invalid argument(s)");
    else if (cli_words_is(&words, 0, "quit") || cli_words_is(&words, 0, "exit"))
        next = NEXT_END;
    else if (words.count > 0 && take_repeat(&words, &repeat) && !run_own(prompt, &words))
        cli_run(prompt->cli, &words, repeat);
    fflush(stdout);
    cli_words_clear(&words);
    return next;
}

/* --- what libedit asks us ----------------------------------------------------- */

static struct prompt *prompt_of(EditLine *edit)
{
    void *data = NULL;

    el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_text(EditLine *edit)
{
    struct prompt *prompt = prompt_of(edit);
    const struct cli *cli = prompt->cli;
    char where[256];
    char database[16] = "";

    if (cli->link == NULL || !mr_link_is_open(cli->link)) {
        snprintf(prompt->text, sizeof prompt->text, "not connected> ");
        return prompt->text;
    }
    if (cli->options.path != NULL)
        snprintf(where, sizeof where, "millrace %s", cli->options.path);
    else if (strchr(cli->options.host, ':') != NULL)
        snprintf(where, sizeof where, "[%s]:%d", cli->options.host, cli->options.port);
    else
        snprintf(where, sizeof where, "%s:%d", cli->options.host, cli->options.port);
    if (cli->database != 0)
        snprintf(database, sizeof database, "[%d]", cli->database);
    snprintf(prompt->text, sizeof prompt->text, "%s%s%s> ", where, database,
             cli->in_transaction ? "(TX)" : "");
    return prompt->text;
}

static size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col;
}

/* Copies the line up to the cursor, as far as there is room. */
static void typed_line(EditLine *edit, char *line, size_t room)
{
    const LineInfo *info = el_line(edit);
    size_t length = (size_t)(info->cursor - info->buffer);

    if (length >= room)
        length = room - 1;
    memcpy(line, info->buffer, length);
    line[length] = '\0';
}

/* The hint at the right: only after a blank, only if something fits, in grey. */
static char *hint_text(EditLine *edit)
{
    struct prompt *prompt = prompt_of(edit);
    char line[HINT_BYTES];
    char rest[HINT_BYTES];
    size_t used;

    prompt->hint[0] = '\0';
    typed_line(edit, line, sizeof line);
    used = strlen(prompt->text) + strlen(line) + 3;
    if (!prompt->show_hints || used >= terminal_columns() || line[0] == '\0' ||
        line[strlen(line) - 1] != ' ')
        return prompt->hint;
    cli_hints_rest(hints_of(prompt), line, rest, sizeof rest);
    if (rest[0] != '\0')
        snprintf(prompt->hint, sizeof prompt->hint, "\1\x1b[90m\1%.*s\1\x1b[0m\1",
                 (int)(terminal_columns() - used), rest);
    return prompt->hint;
}

static unsigned char type_blank(EditLine *edit, int key)
{
    const char text[2] = {(char)key, '\0'};

    el_insertstr(edit, text);
    return CC_REFRESH;
}

/* How far two names agree, upper and lower case being the same. */
static size_t agreement(const char *a, const char *b)
{
    size_t length = 0;

    while (a[length] != '\0' && strncasecmp(a + length, b + length, 1) == 0)
        length++;
    return length;
}

/* Lists what a beginning may become. */
static void list_names(const struct cli_hint *all, size_t count, const char *begin)
{
    size_t length = strlen(begin);
    size_t column = 0;

    putchar('\n');
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(all[i].name, begin, length) != 0)
            continue;
        if (column + 24 > terminal_columns()) {
            putchar('\n');
            column = 0;
        }
        printf("%-24s", all[i].name);
        column += 24;
    }
    putchar('\n');
    fflush(stdout);
}

/* Completes a name as far as it is certain; lists the names if that is not at all. */
static unsigned char complete_name(EditLine *edit, const struct cli_hints *hints,
                                   const char *begin)
{
    size_t count;
    const struct cli_hint *all = cli_hints_all(hints, &count);
    const char *first = NULL;
    size_t length = strlen(begin);
    size_t common = 0;
    size_t matches = 0;

    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(all[i].name, begin, length) != 0)
            continue;
        if (matches++ == 0) {
            first = all[i].name;
            common = strlen(first);
        }

        size_t agreed = agreement(first, all[i].name);

        if (agreed < common)
            common = agreed;
    }
    if (matches == 0)
        return CC_ERROR;
    if (common <= length && matches > 1) {
        list_names(all, count, begin);
        return CC_REDISPLAY;
    }

    char rest[HINT_BYTES];
    bool small = length > 0 && begin[length - 1] >= 'a' && begin[length - 1] <= 'z';

    snprintf(rest, sizeof rest, "%.*s%s", (int)(common - length), first + length,
             matches == 1 ? " " : "");
    for (char *at = rest; small && *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    el_insertstr(edit, rest);
    return CC_REFRESH;
}

/* TAB: completes the name of a command, or shows its usage when the name is there. */
static unsigned char complete(EditLine *edit, int key)
{
    struct prompt *prompt = prompt_of(edit);
    const struct cli_hints *hints = hints_of(prompt);
    char line[HINT_BYTES];
    const char *begin = line;
    size_t name_words;
    const struct cli_hint *found;

    (void)key;
    typed_line(edit, line, sizeof line);
    if (strncasecmp(begin, "help ", strlen("help ")) == 0)
        begin += strlen("help ");
    found = cli_hints_find(hints, begin, &name_words);
    if (found != NULL && strchr(begin, ' ') != NULL && strlen(begin) > strlen(found->name)) {
        printf("\n%s %s\n", found->name, found->arguments);
        fflush(stdout);
        return CC_REDISPLAY;
    }
    return complete_name(edit, hints, begin);
}

/* --- history ------------------------------------------------------------------- */

/* Lines with a password in them are not written anywhere. */
static bool is_secret(const char *line)
{
    static const char *const begins[] = {"auth", "hello", "acl setuser", "config set requirepass",
                                         "config set masterauth", "config set masteruser",
                                         "migrate"};

    line += strspn(line, " \t");
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncasecmp(line, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    return false;
}

static void open_history(struct prompt *prompt)
{
    const char *file = getenv("MILLRACECLI_HISTFILE");
    const char *home = getenv("HOME");
    HistEvent event;

    if (file != NULL)
        snprintf(prompt->history_file, sizeof prompt->history_file, "%s", file);
    else if (home != NULL)
        snprintf(prompt->history_file, sizeof prompt->history_file, "%s/.millracecli_history",
                 home);
    prompt->history = history_init();
    if (prompt->history == NULL)
        return;
    history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    history(prompt->history, &event, H_SETUNIQUE, 1);
    if (prompt->history_file[0] != '\0')
        history(prompt->history, &event, H_LOAD, prompt->history_file);
}

static void keep_line(struct prompt *prompt, const char *line)
{
    HistEvent event;
    mode_t before;

    if (prompt->history == NULL || is_secret(line) || line[strspn(line, " \t\r\n")] == '\0')
        return;
    history(prompt->history, &event, H_ENTER, line);
    if (prompt->history_file[0] == '\0' || strcmp(prompt->history_file, "/dev/null") == 0)
        return;
    /* What was typed is nobody else's business. */
    before = umask(S_IRWXG | S_IRWXO);
    history(prompt->history, &event, H_SAVE, prompt->history_file);
    umask(before);
}

/* --- the two ways a line comes --------------------------------------------------- */

static EditLine *open_editor(struct prompt *prompt)
{
    EditLine *edit = el_init("millrace-cli", stdin, stdout, stderr);

    if (edit == NULL)
        return NULL;
    el_set(edit, EL_CLIENTDATA, prompt);
    el_set(edit, EL_PROMPT, prompt_text);
    el_set(edit, EL_RPROMPT_ESC, hint_text, '\1');
    el_set(edit, EL_EDITOR, "emacs");
    el_set(edit, EL_SIGNAL, 1);
    if (prompt->history != NULL)
        el_set(edit, EL_HIST, history, prompt->history);
    el_set(edit, EL_ADDFN, "millrace-complete", "completes a command", complete);
    el_set(edit, EL_ADDFN, "millrace-blank", "types a blank and shows the hint", type_blank);
    el_set(edit, EL_BIND, "^I", "millrace-complete", NULL);
    el_set(edit, EL_BIND, " ", "millrace-blank", NULL);
    el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(edit, NULL);
    return edit;
}

static int converse_on_terminal(struct prompt *prompt)
{
    EditLine *edit;
    const char *line;
    int length;

    setlocale(LC_CTYPE, "");
    open_history(prompt);
    edit = open_editor(prompt);
    if (edit == NULL) {
        fputs("millrace-cli: the terminal cannot be used\n", stderr);
        return 1;
    }
    prompt->cli->interactive = true;
    while ((line = el_gets(edit, &length)) != NULL) {
        char *copy = strdup(line);

        if (copy == NULL)
            break;
        keep_line(prompt, copy);

        enum next next = run_line(prompt, copy);

        free(copy);
        if (next == NEXT_END)
            break;
    }
    if (line == NULL)
        putchar('\n');
    el_end(edit);
    if (prompt->history != NULL)
        history_end(prompt->history);
    return 0;
}

static int converse_on_pipe(struct prompt *prompt)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        if (run_line(prompt, line) == NEXT_END)
            break;
    }
    free(line);
    return 0;
}

int cli_converse(struct cli *cli)
{
    struct prompt prompt = {.cli = cli, .show_hints = true};
    int status;

    cli_connect(cli);
    status = isatty(STDIN_FILENO) == 1 ? converse_on_terminal(&prompt) : converse_on_pipe(&prompt);
    cli_hints_free(prompt.hints);
    free(prompt.elsewhere);
    return status;
}
