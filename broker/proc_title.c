/*
 * The kernel shows the bytes from the first argument on, as far as the arguments went,
 * and beyond when the last byte of those is not 0. The environment lies right behind
 * them, so with a copy of it elsewhere there is room for a long title.
 */
#include "broker/proc_title.h"

#include <string.h>
#include <unistd.h>

#include "broker/config/config.h"
#include "broker/config/options.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"

struct proc_title {
    struct config *config;
    char          *name;        /* how the program was called */
    char         **environment; /* the copy, texts behind the pointers */
    char          *room;        /* NULL if there is none */
    size_t         room_len;
};

/* How far the text goes on without a gap from `end`. */
static char *reach(char *end, char *const *texts)
{
    for (; *texts != NULL && *texts == end; texts++)
        end += strlen(*texts) + 1;
    return end;
}

/* Copies the environment, and makes it that of the program. */
static char **move_environment(void)
{
    size_t count = 0;
    size_t bytes = 0;
    char **copy;
    char *text;

    for (; environ[count] != NULL; count++)
        bytes += strlen(environ[count]) + 1;
    copy = memory_new((count + 1) * sizeof(*copy) + bytes);
    text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(environ[i]) + 1;

        memcpy(text, environ[i], len);
        copy[i] = text;
        text += len;
    }
    copy[count] = NULL;
    environ = copy;
    return copy;
}

/* Where sessions come in: the first address, or the socket's path. */
static void add_address(struct buffer *to, const struct options *options)
{
    const char *address = options->bind.count > 0 ? options->bind.at[0] : "*";

    if (options->port == 0) {
        buffer_add(to, slice_text(options->unixsocket));
        return;
    }
    if (address[0] == '-')
        address++;
    buffer_print(to, "%s:%d", address, (int)options->port);
}

/* Adds what a word in braces stands for. False if it is none of those known. */
static bool add_word(const struct proc_title *title, const struct options *options,
                     struct slice word, struct buffer *to)
{
    if (slice_equal(word, SLICE("title")))
        buffer_add(to, slice_text(title->name));
    else if (slice_equal(word, SLICE("listen-addr")))
        add_address(to, options);
    else if (slice_equal(word, SLICE("port")))
        buffer_print(to, "%d", (int)options->port);
    else if (slice_equal(word, SLICE("tls-port")))
        buffer_add(to, SLICE("0"));
    else if (slice_equal(word, SLICE("unixsocket")))
        buffer_add(to, slice_text(options->unixsocket));
    else if (slice_equal(word, SLICE("config-file")))
        buffer_add(to, slice_text(config_path(title->config)));
    else
        return slice_equal(word, SLICE("server-mode")); /* neither cluster nor sentinel */
    return true;
}

/* Fills the template in. False if there is no sense in it. */
static bool fill_in(const struct proc_title *title, const struct options *options,
                    struct buffer *to)
{
    const char *at = options->proc_title_template;

    while (*at != '\0') {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;

        if (*at != '{') {
            buffer_add_byte(to, *at++);
            continue;
        }
        if (end == NULL ||
            !add_word(title, options, slice_of(at + 1, (size_t)(end - at) - 1), to))
            return false;
        at = end + 1;
    }
    while (to->len > 0 && to->at[to->len - 1] == ' ')
        to->len--;
    return true;
}

static bool follow(void *who, const struct options *options, struct trouble *trouble)
{
    struct proc_title *title = who;
    struct buffer text = { 0 };
    bool fine = fill_in(title, options, &text);

    if (!fine)
        (void)trouble_set(trouble, "template format is invalid or contains unknown variables");
    else if (title->room != NULL && options->set_proc_title) {
        size_t len = text.len < title->room_len ? text.len : title->room_len - 1;

        memset(title->room, 0, title->room_len);
        if (len > 0)
            memcpy(title->room, text.at, len);
    }
    buffer_clear(&text);
    return fine;
}

struct proc_title *proc_title_new(struct config *config, int count, char **arguments)
{
    struct proc_title *title = memory_new_zeroed(1, sizeof(*title));
    struct trouble trouble = { 0 };
    char *end = reach(count > 0 ? arguments[0] : NULL, arguments);

    title->config = config;
    title->name = memory_new(count > 0 ? strlen(arguments[0]) + 1 : 1);
    memcpy(title->name, count > 0 ? arguments[0] : "", count > 0 ? strlen(arguments[0]) + 1 : 1);
    if (count > 0 && config_options(config)->set_proc_title) {
        title->room = arguments[0];
        title->room_len = (size_t)(reach(end, environ) - arguments[0]);
        title->environment = move_environment();
    }
    (void)follow(title, config_options(config), &trouble);
    config_on_change(config, "proc-title-template", follow, title);
    config_on_change(config, "port", follow, title);
    config_on_change(config, "bind", follow, title);
    return title;
}

void proc_title_free(struct proc_title *title)
{
    if (title == NULL)
        return;
    if (title->environment != NULL)
        environ = NULL;
    memory_free(title->environment);
    memory_free(title->name);
    memory_free(title);
}
