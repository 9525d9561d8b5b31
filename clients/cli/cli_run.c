/*
 *   words ──► say ──► hear ──► follow (what did it change here?) ──► show
 *                       │
 *                       └─ SUBSCRIBE, MONITOR: listen, showing all that comes,
 *                          until ^C or the end of the connection
 */
#include "clients/cli/cli_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Why a listening command ended. */
enum listening { LISTEN_STOPPED, LISTEN_LOST };

static void sleep_seconds(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};

    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

/* --- connecting ------------------------------------------------------------ */

static void tell_connect_trouble(const struct cli *cli, const struct mr_trouble *trouble)
{
    const char *why = trouble->text;
    const char *reason = strstr(why, ": ");

    if (strncmp(why, "connecting to ", strlen("connecting to ")) == 0 && reason != NULL)
        why = reason + 2;
    if (cli->options.path != NULL)
        fprintf(stderr, "Could not connect to Millrace at %s: %s\n", cli->options.path, why);
    else
        fprintf(stderr, "Could not connect to Millrace at %s:%d: %s\n", cli->options.host,
                cli->options.port, why);
}

/* Asks one question of the greeting and tells on stderr if it is refused. */
static bool greet(struct cli *cli, const char *what, size_t count, const char *const *words)
{
    struct mr_reply *reply = mr_link_ask(cli->link, count, words, NULL);
    bool fine = reply != NULL && reply->type != MR_ERROR;

    if (!fine)
        fprintf(stderr, "%s failed: %s\n", what,
                reply != NULL ? reply->text : mr_link_trouble(cli->link));
    mr_reply_free(reply);
    return fine;
}

static void authenticate(struct cli *cli)
{
    const char *with_user[] = {"AUTH", cli->user, cli->password};
    const char *without[] = {"AUTH", cli->password};

    if (cli->password == NULL)
        return;
    if (cli->user != NULL)
        greet(cli, "AUTH", 3, with_user);
    else
        greet(cli, "AUTH", 2, without);
}

static void select_database(struct cli *cli)
{
    char number[16];
    char what[32];
    const char *words[] = {"SELECT", number};

    if (cli->database == 0)
        return;
    snprintf(number, sizeof number, "%d", cli->database);
    snprintf(what, sizeof what, "SELECT %d", cli->database);
    if (!greet(cli, what, 2, words))
        cli->database = 0;
}

/* Prints one reply in the style of the options, with the end of its line. */
static void show(const struct cli *cli, const struct mr_reply *reply)
{
    cli_print(stdout, reply, cli->options.style, cli->options.delimiter);
    fputs(cli->options.style == CLI_RAW ? cli->options.end_delimiter : "\n", stdout);
    fflush(stdout);
}

/* Shows a push that comes between replies, if pushes are wanted. */
static void on_push(void *owner, const struct mr_reply *push)
{
    const struct cli *cli = owner;
    bool wanted = cli->options.show_pushes < 0 ? cli_on_terminal() : cli->options.show_pushes > 0;

    if (wanted)
        show(cli, push);
}

bool cli_connect(struct cli *cli)
{
    struct mr_link_setup setup = {
        .host = cli->options.host, .port = cli->options.port, .path = cli->options.path};
    const char *hello[] = {"HELLO", "3"};
    struct mr_trouble trouble;

    mr_link_free(cli->link);
    cli->in_transaction = false;
    /* The greeting is ours, not the link's: here a refusal does not hang up. */
    cli->link = mr_link_open(&setup, &trouble);
    if (cli->link == NULL) {
        tell_connect_trouble(cli, &trouble);
        return false;
    }
    mr_link_on_push(cli->link, on_push, cli);
    authenticate(cli);
    if (cli->protocol == 3)
        greet(cli, "HELLO 3", 2, hello);
    select_database(cli);
    return mr_link_is_open(cli->link);
}

bool cli_ensure(struct cli *cli)
{
    return (cli->link != NULL && mr_link_is_open(cli->link)) || cli_connect(cli);
}

/* True for commands whose reply is a page for eyes and not a value. */
static bool is_page(const struct cli_words *words)
{
    static const char *const pages[][2] = {
        {"info", NULL},           {"lolwut", NULL},          {"debug", "htstats"},
        {"debug", "htstats-key"}, {"memory", "malloc-stats"}, {"memory", "doctor"},
        {"cluster", "nodes"},     {"cluster", "info"},       {"client", "list"},
        {"client", "info"},       {"latency", "graph"},      {"latency", "doctor"},
        {"proxy", "info"}};

    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (cli_words_is(words, 0, pages[i][0]) &&
            (pages[i][1] == NULL || cli_words_is(words, 1, pages[i][1])))
            return true;
    }
    return false;
}

/* Pages are shown as they are; a line end is added only if they have none. */
static void show_page(const struct mr_reply *reply, const char *delimiter)
{
    cli_print(stdout, reply, CLI_RAW, delimiter);
    if (reply->type != MR_ERROR && (reply->length == 0 || reply->text[reply->length - 1] != '\n'))
        fputc('\n', stdout);
    fflush(stdout);
}

static void show_for(const struct cli *cli, const struct cli_words *words,
                     const struct mr_reply *reply)
{
    bool for_eyes = cli->options.style == CLI_TTY || cli->options.style == CLI_RAW;

    if (cli->options.exit_on_error && reply->type == MR_ERROR)
        fprintf(stderr, "%s\n", reply->text);
    else if (for_eyes && is_page(words))
        show_page(reply, cli->options.delimiter);
    else
        show(cli, reply);
}

/* --- following ------------------------------------------------------------- */

static void remember(char **place, const char *text)
{
    free(*place);
    *place = text != NULL ? strdup(text) : NULL;
}

/* Keeps our idea of database, transaction, protocol and user up to date. */
static void follow(struct cli *cli, const struct cli_words *words, const struct mr_reply *reply)
{
    bool fine = reply->type == MR_STATUS && mr_reply_is(reply, "OK");

    if (cli_words_is(words, 0, "exec") || cli_words_is(words, 0, "discard")) {
        bool nested = reply->type == MR_ERROR && strstr(reply->text, "without MULTI") != NULL;

        cli->in_transaction = nested && cli->in_transaction;
    } else if (cli_words_is(words, 0, "multi") && fine) {
        cli->in_transaction = true;
    } else if (cli_words_is(words, 0, "select") && fine && words->count == 2) {
        cli->database = (int)strtol(words->words[1], NULL, 10);
    } else if (cli_words_is(words, 0, "auth") && fine && words->count > 1) {
        remember(&cli->user, words->count > 2 ? words->words[1] : NULL);
        remember(&cli->password, words->words[words->count - 1]);
    } else if (cli_words_is(words, 0, "hello") && reply->type != MR_ERROR && words->count > 1) {
        cli->protocol = (int)strtol(words->words[1], NULL, 10);
    } else if (cli_words_is(words, 0, "reset") && mr_reply_is(reply, "RESET")) {
        cli->in_transaction = false;
        cli->database = 0;
        cli->protocol = 2;
    }
}

/* --- listening ------------------------------------------------------------- */

static bool listens(const struct cli_words *words)
{
    return cli_words_is(words, 0, "subscribe") || cli_words_is(words, 0, "psubscribe") ||
           cli_words_is(words, 0, "ssubscribe");
}

static bool monitors(const struct cli_words *words)
{
    return cli_words_is(words, 0, "monitor") && words->count == 1;
}

/* Shows all that comes until ^C arrives on 'signals' or the connection ends. */
static enum listening show_all(struct cli *cli, int signals)
{
    for (;;) {
        struct mr_reply *reply;
        enum mr_outcome outcome;

        while ((outcome = mr_link_hear(cli->link, 0, &reply)) == MR_HEARD) {
            show(cli, reply);
            mr_reply_free(reply);
        }
        if (outcome == MR_GONE)
            return LISTEN_LOST;

        struct pollfd places[2] = {{.fd = mr_link_socket(cli->link), .events = POLLIN},
                                   {.fd = signals, .events = POLLIN}};

        if (poll(places, 2, -1) < 0 && errno != EINTR)
            return LISTEN_LOST;
        if ((places[1].revents & POLLIN) != 0)
            return LISTEN_STOPPED;
    }
}

/*
 * Listens until ^C, which ends the program unless we are in a conversation: then
 * a new connection takes the place of the one that listens.
 */
static bool listen_on(struct cli *cli, bool announce)
{
    int signals = -1;
    sigset_t set, before;
    enum listening end;

    if (announce && cli->options.style != CLI_RAW)
        puts("Reading messages... (press Ctrl-C to quit)");
    fflush(stdout);
    mr_link_on_push(cli->link, NULL, NULL);
    if (cli->interactive) {
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, &before);
        signals = signalfd(-1, &set, SFD_CLOEXEC);
    }
    end = show_all(cli, signals);
    if (cli->interactive) {
        struct signalfd_siginfo seen;

        if (end == LISTEN_STOPPED && read(signals, &seen, sizeof seen) > 0)
            putchar('\n');
        close(signals);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    if (end == LISTEN_STOPPED)
        return cli_connect(cli);
    fprintf(stderr, "Error: %s\n", mr_link_trouble(cli->link));
    return false;
}

/* --- running --------------------------------------------------------------- */

/* Says a command and hears its reply, once more on a new connection if need be. */
static struct mr_reply *ask(struct cli *cli, const struct cli_words *words)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        struct mr_reply *reply;

        if (!cli_ensure(cli))
            return NULL;
        reply = mr_link_ask(cli->link, words->count, (const char *const *)words->words,
                            words->lengths);
        if (reply != NULL)
            return reply;
        /* A broker that was told to go says nothing on its way out. */
        if (cli_words_is(words, 0, "shutdown") || cli_words_is(words, 0, "quit"))
            return NULL;
    }
    fprintf(stderr, "Error: %s\n", mr_link_trouble(cli->link));
    return NULL;
}

/* CLIENT REPLY OFF and SKIP are not answered, nor is what follows OFF. */
static bool is_silent(const struct cli_words *words)
{
    return cli_words_is(words, 0, "client") && cli_words_is(words, 1, "reply") &&
           (cli_words_is(words, 2, "off") || cli_words_is(words, 2, "skip"));
}

static bool run_silent(struct cli *cli, const struct cli_words *words)
{
    return cli_ensure(cli) &&
           mr_link_say(cli->link, words->count, (const char *const *)words->words,
                       words->lengths) &&
           mr_link_flush(cli->link);
}

static bool run_once(struct cli *cli, const struct cli_words *words)
{
    bool fine = true;

    if (is_silent(words))
        return run_silent(cli, words);
    if (listens(words) && !cli->in_transaction) {
        if (!cli_ensure(cli) ||
            !mr_link_say(cli->link, words->count, (const char *const *)words->words,
                         words->lengths))
            return false;
        return listen_on(cli, true);
    }

    struct mr_reply *reply = ask(cli, words);

    if (reply == NULL)
        return cli_words_is(words, 0, "shutdown") || cli_words_is(words, 0, "quit");
    follow(cli, words, reply);
    show_for(cli, words, reply);
    if (reply->type == MR_ERROR && cli->options.exit_on_error)
        fine = false;
    if (monitors(words) && reply->type == MR_STATUS && mr_reply_is(reply, "OK"))
        fine = listen_on(cli, false);
    mr_reply_free(reply);
    return fine;
}

bool cli_run(struct cli *cli, const struct cli_words *words, long repeat)
{
    for (long round = 0; repeat < 0 || round < repeat; round++) {
        if (!run_once(cli, words))
            return false;
        if (cli->options.interval > 0 && round + 1 != repeat)
            sleep_seconds(cli->options.interval);
    }
    return true;
}
