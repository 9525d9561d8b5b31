/* Looking inside: OBJECT, DEBUG. */
#include "handlers.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <time.h>

#include "broker/broker.h"
#include "broker/commands/do_inspect_private.h"
#include "broker/config/options.h"
#include "broker/net/connection.h"
#include "broker/replication/role.h"
#include "broker/script/bridge.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/values/list.h"

enum { SHARED_INTEGERS = 10000, POPULATE_SIZE_MOST = 512 * 1024 * 1024 };

/* OBJECT ENCODING key */
enum verdict do_object_encoding(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_INSPECT);

    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_bulk(call->reply,
                   slice_text(item_encoding(item, keyspaces_types(call->keyspaces))));
    return VERDICT_DONE;
}

/* Where Redis shares small integers: not while each has a clock that decides who is evicted. */
static bool integers_are_shared(const struct call *call)
{
    int policy = call->options->maxmemory_policy;

    return call->options->maxmemory == 0 || policy == OPTION_POLICY_NONE ||
           policy == OPTION_POLICY_ALLKEYS_RANDOM || policy == OPTION_POLICY_VOLATILE_RANDOM ||
           policy == OPTION_POLICY_VOLATILE_TTL;
}

/*
 * OBJECT REFCOUNT key: values have one owner. Of small integers it tells what
 * Redis tells, where they are shared by all: that nobody counts.
 */
enum verdict do_object_refcount(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_INSPECT);
    int64_t integer;

    if (item == NULL)
        reply_nil(call->reply);
    else if (item_integer(item, &integer) && integer >= 0 && integer < SHARED_INTEGERS &&
             integers_are_shared(call))
        reply_integer(call->reply, INT32_MAX);
    else
        reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* What both refuse with, since an item has one clock. */
#define WAIT_FOR_DATA "Please note that when switching between policies at runtime LRU and LFU " \
                      "data will take some time to adjust."

static bool uses_are_counted(const struct call *call)
{
    return call->options->maxmemory_policy == OPTION_POLICY_ALLKEYS_LFU ||
           call->options->maxmemory_policy == OPTION_POLICY_VOLATILE_LFU;
}

/* OBJECT IDLETIME key: seconds since it was last used. */
enum verdict do_object_idletime(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_INSPECT);

    if (item == NULL)
        reply_nil(call->reply);
    else if (uses_are_counted(call))
        return call_refuse_with(call, "ERR An LFU maxmemory policy is selected, idle time not "
                                      "tracked. " WAIT_FOR_DATA);
    else
        reply_integer(call->reply, keyspaces_idle(call->keyspaces, item) / 1000);
    return VERDICT_DONE;
}

/* OBJECT FREQ key: how often it is used, as a logarithm. */
enum verdict do_object_freq(struct call *call)
{
    struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_INSPECT);

    if (item == NULL)
        reply_nil(call->reply);
    else if (!uses_are_counted(call))
        return call_refuse_with(call, "ERR An LFU maxmemory policy is not selected, access "
                                      "frequency not tracked. " WAIT_FOR_DATA);
    else
        reply_integer(call->reply, keyspaces_frequency(call->keyspaces, item));
    return VERDICT_DONE;
}

/* OBJECT HELP */
enum verdict do_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>", "    How the value of a key is kept.",
        "FREQ <key>", "    How often a key is used, as a logarithm; with an LFU policy.",
        "IDLETIME <key>", "    For how many seconds a key was not used; with any other policy.",
        "REFCOUNT <key>", "    How many owners the value of a key has.",
        NULL,
    };

    return call_help(call, lines);
}

/* Whether this session may use DEBUG; answers if not. */
static bool debug_allowed(struct call *call)
{
    int who = call->options->enable_debug_command;

    if (who == OPTION_LOCAL_YES || call->session->connection == NULL ||
        (who == OPTION_LOCAL_LOCAL && connection_is_loopback(call->session->connection)))
        return true;
    (void)call_refuse_with(
        call, "ERR DEBUG command not allowed. If the enable-debug-command option is set to "
              "\"local\", you can run it from a local connection, otherwise you need to set this "
              "option in the configuration file, and then restart the server.");
    return false;
}

static enum verdict debug_sleep(struct call *call)
{
    struct timespec pause;
    double seconds;

    if (!number_read_double(args_next(call->args), &seconds) ||
        seconds < 0 || seconds > 1e9)
        return call_refuse(call, REFUSAL_NOT_FLOAT);
    pause.tv_sec = (time_t)seconds;
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    /* An alarm of the watchdog does not cut it short. */
    while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
        ;
    reply_ok(call->reply);
    return VERDICT_DONE;
}

static enum verdict debug_digest(struct call *call)
{
    bool whole = args_take(call->args, SLICE("whole"));
    struct fingerprint all = { { 0 } };
    char text[41];

    for (uint32_t db = 0; db < keyspaces_count(call->keyspaces); db++) {
        struct keyspace *keys = keyspaces_at(call->keyspaces, db);

        if (whole)
            keyspace_digest(keys, &all);
        else
            keyspace_digest_as_redis(keys, &all);
    }
    fingerprint_print(&all, text);
    reply_simple(call->reply, slice_text(text));
    return VERDICT_DONE;
}

static enum verdict debug_digest_value(struct call *call)
{
    reply_array(call->reply, args_left(call->args));
    while (args_more(call->args)) {
        struct item *item = keyspace_find(call->keys, args_next(call->args), LOOK_QUIET);
        struct fingerprint one = { { 0 } };
        char text[41];

        if (item != NULL)
            item_digest(item, keyspaces_types(call->keyspaces), &one);
        fingerprint_print(&one, text);
        reply_simple(call->reply, slice_text(text));
    }
    return VERDICT_DONE;
}

static enum verdict debug_active_expire(struct call *call)
{
    int64_t on;

    if (!args_next_integer(call->args, &on))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    upkeep_expire_actively(call->broker->upkeep, on != 0);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

static void answer_aggregate(struct call *call, struct slice kind)
{
    struct reply *reply = call->reply;

    if (slice_equal(kind, SLICE("array")))
        reply_array(reply, 3);
    else if (slice_equal(kind, SLICE("set")))
        reply_set(reply, 3);
    else
        reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(reply, i);
        if (slice_equal(kind, SLICE("map")))
            reply_boolean(reply, i == 1);
    }
}

/* An attribute stands in front of the reply it describes; RESP2 has none. */
static void answer_attribute(struct call *call)
{
    if (call->reply->resp3) {
        reply_attribute(call->reply, 1);
        reply_bulk(call->reply, SLICE("key-popularity"));
        reply_array(call->reply, 2);
        reply_bulk(call->reply, SLICE("key:123"));
        reply_integer(call->reply, 90);
    }
    reply_bulk(call->reply, SLICE("Some real reply following the attribute"));
}

/* DEBUG PROTOCOL type: a reply of each type that RESP3 has, for those who write clients. */
static enum verdict debug_protocol(struct call *call)
{
    struct slice kind = args_next(call->args);
    struct reply *reply = call->reply;

    if (slice_equal(kind, SLICE("string"))) {
        reply_bulk(reply, SLICE("Hello World"));
    } else if (slice_equal(kind, SLICE("integer"))) {
        reply_integer(reply, 12345);
    } else if (slice_equal(kind, SLICE("double"))) {
        reply_double(reply, 3.141);
    } else if (slice_equal(kind, SLICE("null"))) {
        reply_nil(reply);
    } else if (slice_equal(kind, SLICE("array")) || slice_equal(kind, SLICE("set")) ||
               slice_equal(kind, SLICE("map"))) {
        answer_aggregate(call, kind);
    } else if (slice_equal(kind, SLICE("attrib"))) {
        answer_attribute(call);
    } else if (slice_equal(kind, SLICE("push"))) {
        if (!reply->resp3)
            return call_refuse_with(call, "ERR RESP2 is not supported by this command");
        reply_push(reply, 2);
        reply_bulk(reply, SLICE("server-cpu-usage"));
        reply_integer(reply, 42);
        reply_bulk(reply, SLICE("Some real reply following the push reply"));
    } else if (slice_equal(kind, SLICE("verbatim"))) {
        reply_verbatim(reply, SLICE("This is a verbatim\nstring"), "txt");
    } else if (slice_equal(kind, SLICE("true")) || slice_equal(kind, SLICE("false"))) {
        reply_boolean(reply, slice_equal(kind, SLICE("true")));
    } else if (slice_equal(kind, SLICE("bignum"))) {
        reply_big_number(reply, SLICE("1234567999999999999999999999999999999"));
    } else {
        return call_refuse_with(call, "ERR Wrong protocol type name. Please use one of the "
                                      "following: string|integer|double|bignum|null|array|set|map|"
                                      "attrib|push|verbatim|true|false");
    }
    return VERDICT_DONE;
}

static enum verdict debug_log(struct call *call)
{
    struct slice text = args_next(call->args);

    log_line(call->broker->log, LOG_WARNING, "DEBUG LOG: %.*s",
             (int)(text.len > 4096 ? 4096 : text.len), text.at);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* Adds what DEBUG OBJECT tells of a list. */
static void tell_nodes(struct buffer *line, const struct list *list, int64_t node_size)
{
    uint64_t whole, kept;

    list_run_bytes(list, &whole, &kept);
    buffer_print(line, " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%" PRId64
                       " ql_compressed:%d ql_uncompressed_size:%" PRIu64,
                 list_nodes(list), (double)list_length(list) / (double)list_nodes(list), node_size,
                 list_pack_depth(list) > 0, whole);
}

/* DEBUG OBJECT key: where and how the value of a key is kept. The length is what it takes here. */
static enum verdict debug_object(struct call *call)
{
    const struct value_types *types = keyspaces_types(call->keyspaces);
    struct item *item;
    struct buffer line = { 0 };
    struct item_digits digits;
    size_t length;
    millis idle;

    /* A key past its time that is still there is shown, and stays. */
    keyspaces_keep_expired(call->keyspaces, true);
    item = keyspace_find(call->keys, args_next(call->args), LOOK_QUIET);
    keyspaces_keep_expired(call->keyspaces, false);
    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    length = item_kind(item) == VALUE_STRING
                 ? item_string(item, &digits).len + 1
                 : types->of[item->kind]->measure(item_value(item), 0);
    /* When it was last used, in seconds as 24 bits tell them. */
    idle = uses_are_counted(call) ? 0 : keyspaces_idle(call->keyspaces, item);
    buffer_print(&line, "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%" PRId64
                        " lru_seconds_idle:%" PRId64,
                 (void *)item, item_encoding(item, types), length,
                 (call->now - idle) / 1000 & 0xffffff, idle / 1000);
    if (item_kind(item) == VALUE_LIST)
        tell_nodes(&line, (const struct list *)(const void *)item_value(item),
                   call->options->list_max_listpack_size);
    reply_simple(call->reply, buffer_slice(&line));
    buffer_clear(&line);
    return VERDICT_DONE;
}

static void log_words(void *who, const struct slice *words, size_t count)
{
    struct call *call = who;

    for (size_t i = 2; i < count; i++)
        log_line(call->broker->log, LOG_WARNING, "DEBUG LISTPACK: %.*s",
                 (int)(words[i].len > 1024 ? 1024 : words[i].len), words[i].at);
}

/* DEBUG LISTPACK key: logs the elements of a small value. */
static enum verdict debug_listpack(struct call *call)
{
    const struct value_types *types = keyspaces_types(call->keyspaces);
    struct slice key = args_next(call->args);
    struct item *item = keyspace_find(call->keys, key, LOOK_QUIET);
    struct statement_sink sink = { log_words, call };

    if (item == NULL)
        return call_refuse(call, REFUSAL_NO_SUCH_KEY);
    if (strncmp(item_encoding(item, types), "listpack", 8) != 0)
        return call_refuse_with(call, "ERR Not a listpack encoded object.");
    types->of[item->kind]->rewrite(item_value(item), key, &sink);
    reply_simple(call->reply, SLICE("Listpack structure printed on stdout"));
    return VERDICT_DONE;
}

/*
 * DEBUG QUICKLIST-PACKED-THRESHOLD size: from which size on an element has a
 * node of its own. Here that follows from the size of nodes alone, so the
 * number is looked at and needs nothing to be done.
 */
static enum verdict debug_packed_threshold(struct call *call)
{
    uint64_t size;

    if (!number_read_size(args_next(call->args), &size) || size >= UINT32_MAX)
        return call_refuse_with(
            call, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/*
 * DEBUG MALLCTL name, DEBUG MALLCTL-STR name: a figure of the allocator, or something done.
 * A value is taken only if it is none: VOID.
 */
static enum verdict debug_mallctl(struct call *call)
{
    char name[128];
    struct slice word = args_next(call->args);
    size_t figure;

    if (word.len >= sizeof(name))
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_more(call->args) && !args_take(call->args, SLICE("void")))
        return call_refuse_with(call, "ERR figures of the allocator can only be read");
    memcpy(name, word.at, word.len);
    name[word.len] = '\0';
    if (strcmp(name, "version") == 0) {
        reply_bulk(call->reply, slice_text(memory_allocator()));
        return VERDICT_DONE;
    }
    if (!memory_control(name, &figure))
        return call_refuse_with(call, "ERR the allocator knows no figure of that name");
    reply_integer(call->reply, (int64_t)figure);
    return VERDICT_DONE;
}

/* DEBUG PAUSE-CRON 0|1: whether the regular tasks stand still */
static enum verdict debug_pause_cron(struct call *call)
{
    upkeep_pause(call->broker->upkeep, slice_equal(args_next(call->args), SLICE("1")));
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DEBUG REPLYBUFFER what value: nothing to do, since output holds no memory between turns. */
static enum verdict debug_reply_buffer(struct call *call)
{
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DEBUG POPULATE count [prefix] [size]: keys to try things on; those that are there stay. */
static enum verdict debug_populate(struct call *call)
{
    struct slice prefix = SLICE("key");
    struct buffer key = { 0 };
    struct buffer value = { 0 };
    int64_t count;
    int64_t size = 0;

    if (!args_next_integer(call->args, &count) || count < 0)
        return call_refuse(call, REFUSAL_NOT_POSITIVE);
    if (args_more(call->args))
        prefix = args_next(call->args);
    if (args_more(call->args) &&
        (!args_next_integer(call->args, &size) || size < 0 || size > POPULATE_SIZE_MOST))
        return call_refuse(call, REFUSAL_NOT_POSITIVE);
    for (int64_t i = 0; i < count; i++) {
        size_t wanted = (size_t)size;

        buffer_rewind(&key);
        buffer_rewind(&value);
        buffer_print(&key, "%.*s:%" PRId64, (int)prefix.len, prefix.at, i);
        buffer_print(&value, "value:%" PRId64, i);
        if (keyspace_find(call->keys, buffer_slice(&key), LOOK_QUIET) != NULL)
            continue;
        while (value.len < wanted)
            buffer_add_byte(&value, '\0');
        if (wanted > 0)
            value.len = wanted;
        keyspace_put_string(call->keys, buffer_slice(&key), buffer_slice(&value), false);
    }
    buffer_clear(&key);
    buffer_clear(&value);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DEBUG SEGFAULT: ends as a mistake of ours would, to see the report. */
static enum verdict debug_segfault(struct call *call)
{
    char *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return call_refuse(call, REFUSAL_SYNTAX);
    *(volatile char *)page = 1;
    return VERDICT_DONE;
}

/* DEBUG PANIC, DEBUG ASSERT: the same by a broken claim. */
static enum verdict debug_panic(struct call *call)
{
    must(call == NULL);
    return VERDICT_DONE;
}

/* DEBUG SET-DISABLE-DENY-SCRIPTS (0|1): whether scripts may call what is not for scripts. */
static enum verdict debug_allow_in_scripts(struct call *call)
{
    int64_t on;

    if (!args_next_integer(call->args, &on))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    bridge_allow_all(call->broker->bridge, on != 0);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DEBUG REPLICATE word ...: says it to replicas, whatever it is. */
static enum verdict debug_replicate(struct call *call)
{
    ledger_say_to_replicas(call->ledger, call->args->words + 2, call->args->count - 2);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* DEBUG ERROR line: replies with it, to see what programs make of errors. */
static enum verdict debug_error(struct call *call)
{
    reply_error(call->reply, args_next(call->args));
    return VERDICT_DONE;
}

/* DEBUG CHANGE-REPL-ID: nobody can go on from anywhere, but has to get all data. */
static enum verdict debug_change_history(struct call *call)
{
    log_line(call->broker->log, LOG_NOTICE, "Changing replication IDs after receiving "
                                            "change-repl-id");
    role_begin_history(call->broker->role);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* All of them: usage, the words that must follow at least, and what DEBUG HELP says. */
static const struct {
    const char *usage;
    size_t      wants;
    enum verdict (*run)(struct call *call);
    const char *help;
} subcommands[] = {
    { "SLEEP <seconds>", 1, debug_sleep, "    Stops the whole server for so long." },
    { "RELOAD [NOSAVE] [NOFLUSH] [MERGE]", 0, debug_reload,
      "    Saves a snapshot, forgets all, and loads it." },
    { "LOADAOF", 0, debug_load_log, "    Forgets all and runs the AOF." },
    { "AOF-FLUSH-SLEEP <microseconds>", 1, debug_delay_log,
      "    Writes the AOF so much later." },
    { "SET-SKIP-CHECKSUM-VALIDATION <0|1>", 1, debug_skip_checksum,
      "    Whether RESTORE takes what has a wrong checksum." },
    { "CONFIG-REWRITE-FORCE-ALL", 0, debug_rewrite_config,
      "    Writes every option to the configuration file, those at their default too." },
    { "DIGEST [WHOLE]", 0, debug_digest,
      "    A digest of all data, whatever its order and encoding, as a Redis tells it; WHOLE\n"
      "    takes in when keys expire, and the groups of streams." },
    { "DIGEST-VALUE <key> [<key> ...]", 1, debug_digest_value,
      "    The same of some values, without their names." },
    { "SET-ACTIVE-EXPIRE <0|1>", 1, debug_active_expire,
      "    Whether keys past their time go by themselves." },
    { "SET-DISABLE-DENY-SCRIPTS <0|1>", 1, debug_allow_in_scripts,
      "    Whether scripts may call what is not for scripts." },
    { "LOG <message>", 1, debug_log, "    Writes to the log." },
    { "REPLICATE <word> [<word> ...]", 1, debug_replicate, "    Says it to replicas." },
    { "CHANGE-REPL-ID", 0, debug_change_history,
      "    Begins a new history: replicas that come back have to get all data." },
    { "ERROR <line>", 1, debug_error, "    Replies with that error." },
    { "POPULATE <count> [<prefix>] [<size>]", 1, debug_populate,
      "    Makes keys to try things on; those that are there stay." },
    { "PROTOCOL <type>", 1, debug_protocol, "    Replies with a value of that type." },
    { "OBJECT <key>", 1, debug_object, "    Where and how a value is kept." },
    { "LISTPACK <key>", 1, debug_listpack, "    Logs the elements of a small value." },
    { "QUICKLIST <key> [<0|1>]", 1, debug_list,
      "    Logs how a list is kept; with 1 its elements too." },
    { "SDSLEN <key>", 1, debug_string_length,
      "    Bytes of a key and its string, and what they take." },
    { "STRUCTSIZE", 0, debug_struct_sizes, "    Bytes of what there is much of." },
    { "STRINGMATCH-TEST", 0, debug_match, "    Puts patterns and texts to each other by chance." },
    { "QUICKLIST-PACKED-THRESHOLD <size>", 1, debug_packed_threshold,
      "    Nothing: which elements have a node of their own follows from the size of nodes." },
    { "MALLCTL <name>", 1, debug_mallctl, "    A figure of the allocator." },
    { "MALLCTL-STR <name>", 1, debug_mallctl, "    The same; its version as text." },
    { "REPLYBUFFER <what> <value>", 2, debug_reply_buffer,
      "    Nothing: output holds no memory between turns." },
    { "OOM", 0, debug_no_memory, "    Ends the server as one that gets no memory." },
    { "SEGFAULT", 0, debug_segfault, "    Ends the server as a bad access does." },
    { "PANIC", 0, debug_panic, "    Ends the server as a broken claim does." },
    { "ASSERT", 0, debug_panic, "    The same." },
    { "PAUSE-CRON <0|1>", 1, debug_pause_cron, "    Whether the regular tasks stand still." },
    { "HTSTATS <db>", 1, debug_table, "    How keys lie in the buckets of a database." },
    { "HTSTATS-KEY <key>", 1, debug_table_of_key,
      "    How the elements of a large value lie in theirs." },
    { "LONGEST-TURN", 0, debug_longest_turn,
      "    Microseconds: the longest turn, its time on a CPU, its time ready to run." },
};

enum { SUBCOMMANDS = sizeof(subcommands) / sizeof(subcommands[0]) };

static enum verdict debug_help(struct call *call)
{
    const char *lines[2 * SUBCOMMANDS + 1];

    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        lines[2 * i] = subcommands[i].usage;
        lines[2 * i + 1] = subcommands[i].help;
    }
    lines[2 * SUBCOMMANDS] = NULL;
    return call_help(call, lines);
}

/* DEBUG subcommand [arguments]: hooks for tests. */
enum verdict do_debug(struct call *call)
{
    if (!debug_allowed(call))
        return VERDICT_REFUSED;
    if (args_left(call->args) == 1 && args_take(call->args, SLICE("help")))
        return debug_help(call);
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        struct slice word = { subcommands[i].usage, strcspn(subcommands[i].usage, " ") };

        if (args_left(call->args) > subcommands[i].wants && args_take(call->args, word))
            return subcommands[i].run(call);
    }
    if (debug_refuse_missing(call))
        return VERDICT_REFUSED;
    return call_refuse_subcommand(call);
}
