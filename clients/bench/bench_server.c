/* INFO is the only command asked here; a server without it can be driven all the same. */
#include "clients/bench/bench_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text behind "name:" at the beginning of a line; NULL if there is none. */
static const char *field(const char *text, const char *name)
{
    size_t length = strlen(name);

    while (text != NULL) {
        if (strncmp(text, name, length) == 0 && text[length] == ':')
            return text + length + 1;
        text = strchr(text, '\n');
        if (text != NULL)
            text++;
    }
    return NULL;
}

static bool is_text(const struct mr_reply *reply)
{
    return reply != NULL && (reply->type == MR_STRING || reply->type == MR_VERBATIM);
}

/* False if the server talks to nobody without a password. */
static bool ask_version(struct bench_server *server, struct mr_trouble *trouble)
{
    struct mr_reply *reply = mr_link_ask_words(server->link, "INFO", "server", (const char *)NULL);
    const char *ours = is_text(reply) ? field(reply->text, "millrace_version") : NULL;
    const char *theirs = is_text(reply) ? field(reply->text, "redis_version") : NULL;
    const char *version = ours != NULL ? ours : theirs;

    bool locked =
        reply != NULL && reply->type == MR_ERROR && strncmp(reply->text, "NOAUTH", 6) == 0;
    if (locked)
        snprintf(trouble->text, sizeof trouble->text, "%.100s: %.140s", server->address,
                 reply->text);
    if (version == NULL)
        snprintf(server->version, sizeof server->version, "unknown");
    else
        snprintf(server->version, sizeof server->version, "%s %.*s",
                 ours != NULL ? "Millrace" : "Redis", (int)strcspn(version, "\r\n"), version);
    mr_reply_free(reply);
    return !locked;
}

bool bench_server_open(struct bench_server *server, const struct mr_link_setup *where,
                       struct mr_trouble *trouble)
{
    struct mr_trouble reason;

    *server = (struct bench_server){ .where = where };
    if (where->path != NULL)
        snprintf(server->address, sizeof server->address, "%s", where->path);
    else
        snprintf(server->address, sizeof server->address, "%s:%d",
                 where->host == NULL ? "127.0.0.1" : where->host,
                 where->port == 0 ? 6379 : where->port);
    server->link = mr_link_open(where, &reason);
    if (server->link == NULL) {
        snprintf(trouble->text, sizeof trouble->text, "%.100s: %.140s", server->address,
                 reason.text);
        return false;
    }
    return ask_version(server, trouble);
}

void bench_server_close(struct bench_server *server)
{
    mr_link_free(server->link);
    server->link = NULL;
}

bool bench_server_revive(struct bench_server *server, struct mr_trouble *trouble)
{
    return mr_link_is_open(server->link) || mr_link_reopen(server->link, trouble);
}

double bench_server_cpu(struct bench_server *server)
{
    struct mr_reply *reply = mr_link_ask_words(server->link, "INFO", "cpu", (const char *)NULL);
    const char *user = is_text(reply) ? field(reply->text, "used_cpu_user") : NULL;
    const char *kernel = is_text(reply) ? field(reply->text, "used_cpu_sys") : NULL;
    double seconds =
        user == NULL || kernel == NULL ? -1 : strtod(user, NULL) + strtod(kernel, NULL);

    mr_reply_free(reply);
    return seconds;
}
