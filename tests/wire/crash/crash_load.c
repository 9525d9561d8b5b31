#include "tests/wire/crash/crash_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "tests/wire/talker.h"

enum { PATIENCE_MS = 20000 };

struct accounts *accounts_new(void)
{
    void *memory = mmap(NULL, sizeof(struct accounts), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        fputs("no shared memory\n", stderr);
        exit(2);
    }
    return memory;
}

void accounts_reset(struct accounts *accounts)
{
    memset(accounts, 0, sizeof *accounts);
}

int64_t accounts_total(const struct accounts *accounts)
{
    int64_t total = 0;

    for (size_t i = 0; i < PRODUCERS; i++)
        total += accounts->producers[i].acked;
    for (size_t i = 0; i < MOVERS; i++)
        total += accounts->movers[i].acked;
    for (size_t i = 0; i < ADDERS; i++) {
        total += accounts->adders[i].acked;
        for (int64_t n = 1; n <= accounts->adders[i].acked; n++)
            total += accounts->acknowledged[i][n];
    }
    for (size_t i = 0; i < SETTERS; i++)
        total += accounts->setters[i].acked;
    for (size_t i = 0; i < BATCHERS; i++)
        total += accounts->batchers[i].acked;
    return total;
}

/* Says a command and hears its reply; without one the process has nothing left to do. */
__attribute__((format(printf, 3, 4))) static void
ask(struct talker *talker, struct talk_reply *reply, const char *format, ...)
{
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (talker_ask(talker, line, reply, PATIENCE_MS) != HEARD)
        _exit(0);
    if (reply->kind == REPLY_ERROR) {
        fprintf(stderr, "%s: %s\n", line, reply->text.at);
        _exit(1);
    }
}

static void produce(struct talker *talker, struct accounts *accounts, int self)
{
    struct account *account = &accounts->producers[self];

    while (!accounts->stop && account->acked + 2 < NUMBERS) {
        struct talk_reply reply;

        account->said = account->acked + 1;
        ask(talker, &reply, "RPUSH jobs %d:%lld", self, (long long)account->said);
        account->acked = account->said;
        talk_reply_clear(&reply);
    }
}

static void move(struct talker *talker, struct accounts *accounts, int self)
{
    while (!accounts->stop) {
        struct talk_reply reply;

        ask(talker, &reply, "BLMOVE jobs done:%d LEFT RIGHT 0.05", self);
        if (reply.kind == REPLY_BULK)
            accounts->movers[self].acked++;
        talk_reply_clear(&reply);
    }
}

static void add(struct talker *talker, struct accounts *accounts, int self)
{
    struct account *account = &accounts->adders[self];

    while (!accounts->stop && account->acked + 2 < NUMBERS) {
        struct talk_reply reply;

        account->said = account->acked + 1;
        ask(talker, &reply, "XADD s * adder %d number %lld", self, (long long)account->said);
        account->acked = account->said;
        talk_reply_clear(&reply);
    }
}

/* Acknowledges each entry of one stream's part of a reply. Returns how many there were. */
static size_t acknowledge(struct talker *talker, struct accounts *accounts,
                          const struct talk_reply *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct talk_reply *fields = &entries->parts[i].parts[1];
        long adder = strtol(fields->parts[1].text.at, NULL, 10);
        long number = strtol(fields->parts[3].text.at, NULL, 10);
        struct talk_reply reply;

        if (accounts->acknowledged[adder][number] > 0)
            accounts->doubled++;
        ask(talker, &reply, "XACK s g %s", entries->parts[i].parts[0].text.at);
        if (strcmp(reply.text.at, "1") == 0)
            accounts->acknowledged[adder][number]++;
        else
            accounts->doubled++;
        talk_reply_clear(&reply);
    }
    return entries->count;
}

static void deliver(struct talker *talker, struct accounts *accounts, int self)
{
    bool history = true;

    while (!accounts->stop) {
        struct talk_reply reply;
        size_t entries = 0;

        if (history)
            ask(talker, &reply, "XREADGROUP GROUP g c%d COUNT 10 STREAMS s 0", self);
        else
            ask(talker, &reply, "XREADGROUP GROUP g c%d COUNT 10 BLOCK 50 STREAMS s >", self);
        if (reply.kind == REPLY_ARRAY && reply.count == 1)
            entries = acknowledge(talker, accounts, &reply.parts[0].parts[1]);
        talk_reply_clear(&reply);
        history = history && entries > 0;
    }
}

static void set(struct talker *talker, struct accounts *accounts, int self)
{
    struct account *account = &accounts->setters[self];

    while (!accounts->stop) {
        struct talk_reply reply;

        account->said = account->acked + 1;
        ask(talker, &reply, "SET k:%d:%d %lld", self, (int)(account->said % SET_KEYS),
            (long long)account->said);
        account->acked = account->said;
        accounts->set_to[self][account->said % SET_KEYS] = account->said;
        talk_reply_clear(&reply);
    }
}

static void batch(struct talker *talker, struct accounts *accounts, int self)
{
    struct account *account = &accounts->batchers[self];

    while (!accounts->stop) {
        struct talk_reply reply;

        account->said = account->acked + 1;
        ask(talker, &reply, "MULTI");
        talk_reply_clear(&reply);
        ask(talker, &reply, "INCR a:%d", self);
        talk_reply_clear(&reply);
        ask(talker, &reply, "RPUSH b:%d %lld", self, (long long)account->said);
        talk_reply_clear(&reply);
        ask(talker, &reply, "INCR c:%d", self);
        talk_reply_clear(&reply);
        ask(talker, &reply, "EXEC");
        account->acked = account->said;
        talk_reply_clear(&reply);
    }
}

static void start(const struct server *server, struct accounts *accounts, int self,
                  void (*work)(struct talker *, struct accounts *, int))
{
    struct talker talker = { .fd = -1 };

    pid_t process = fork();
    if (process > 0 && accounts->process_count < LOAD_MOST)
        accounts->processes[accounts->process_count++] = process;
    if (process != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    talker.fd = server_connect(server);
    work(&talker, accounts, self);
    _exit(0);
}

void load_start(const struct server *server, struct accounts *accounts)
{
    accounts->process_count = 0;
    for (int i = 0; i < PRODUCERS; i++)
        start(server, accounts, i, produce);
    for (int i = 0; i < MOVERS; i++)
        start(server, accounts, i, move);
    for (int i = 0; i < ADDERS; i++)
        start(server, accounts, i, add);
    for (int i = 0; i < READERS; i++)
        start(server, accounts, i, deliver);
    for (int i = 0; i < SETTERS; i++)
        start(server, accounts, i, set);
    for (int i = 0; i < BATCHERS; i++)
        start(server, accounts, i, batch);
}

/* By number: waiting for any child would take away the end of the server. */
void load_wait(struct accounts *accounts)
{
    for (size_t i = 0; i < accounts->process_count; i++)
        (void)waitpid(accounts->processes[i], NULL, 0);
    accounts->process_count = 0;
}
