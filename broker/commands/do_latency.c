/* LATENCY: events that were slow, and how long each command takes. */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/caller.h"
#include "broker/metrics/histogram.h"
#include "broker/observe/latency.h"

/* LATENCY LATEST: name, time of the latest, how long that was, and the worst ever. */
enum verdict do_latency_latest(struct call *call)
{
    const struct latency *latency = call->broker->latency;
    size_t count = latency_count(latency);

    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        const struct latency_event *event = latency_at(latency, i);
        struct latency_sample latest = latency_sample(event, event->count - 1);

        reply_array(call->reply, 4);
        reply_bulk(call->reply, slice_text(event->name));
        reply_integer(call->reply, latest.when);
        reply_integer(call->reply, latest.took);
        reply_integer(call->reply, event->worst);
    }
    return VERDICT_DONE;
}

/* LATENCY HISTORY event */
enum verdict do_latency_history(struct call *call)
{
    const struct latency_event *event =
        latency_find(call->broker->latency, args_next(call->args));
    size_t count = event != NULL ? event->count : 0;

    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        struct latency_sample sample = latency_sample(event, i);

        reply_array(call->reply, 2);
        reply_integer(call->reply, sample.when);
        reply_integer(call->reply, sample.took);
    }
    return VERDICT_DONE;
}

/* LATENCY RESET [event ...]: how many were forgotten. */
enum verdict do_latency_reset(struct call *call)
{
    struct latency *latency = call->broker->latency;
    size_t count = 0;

    if (!args_more(call->args))
        count = latency_reset_all(latency);
    while (args_more(call->args))
        count += latency_reset(latency, args_next(call->args));
    reply_integer(call->reply, (int64_t)count);
    return VERDICT_DONE;
}

/* LATENCY DOCTOR */
enum verdict do_latency_doctor(struct call *call)
{
    struct buffer text = { 0 };

    latency_report(call->broker->latency, &text);
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    return VERDICT_DONE;
}

/* LATENCY GRAPH event */
enum verdict do_latency_graph(struct call *call)
{
    struct slice name = args_next(call->args);
    const struct latency_event *event = latency_find(call->broker->latency, name);
    struct buffer text = { 0 };

    if (event == NULL)
        return call_refuse_with(call, "ERR No samples available for event '%.*s'",
                                (int)(name.len > 128 ? 128 : name.len), name.at);
    latency_draw(call->broker->latency, event, &text);
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    return VERDICT_DONE;
}

/* The steps of one histogram, on their way into a reply. */
struct steps {
    struct reply *reply;
    size_t        count;
};

static void show_step(void *who, uint64_t usec, uint64_t count)
{
    struct steps *steps = who;

    reply_integer(steps->reply, (int64_t)usec);
    reply_integer(steps->reply, (int64_t)count);
    steps->count++;
}

/* Answers with one command's histogram, if it has one: how many answers that makes. */
static size_t show_histogram(struct call *call, const struct command *command)
{
    const struct command_counts *counts = &caller_counts(call->caller)[command->index];
    struct steps steps = { call->reply, 0 };
    struct outbox_hole hole;

    if (counts->took == NULL || histogram_total(counts->took) == 0)
        return 0;
    reply_bulk(call->reply, command_full_name(command));
    reply_map(call->reply, 2);
    reply_bulk(call->reply, SLICE("calls"));
    reply_integer(call->reply, (int64_t)histogram_total(counts->took));
    reply_bulk(call->reply, SLICE("histogram_usec"));
    hole = reply_open(call->reply);
    histogram_each(counts->took, show_step, &steps);
    reply_close_map(call->reply, hole, steps.count);
    return 1;
}

/* LATENCY HISTOGRAM [command ...]: a container is answered with all of its subcommands. */
enum verdict do_latency_histogram(struct call *call)
{
    struct outbox_hole hole = reply_open(call->reply);
    size_t shown = 0;

    if (!args_more(call->args)) {
        for (size_t i = 0; i < command_count(); i++)
            shown += show_histogram(call, command_at(i));
    }
    while (args_more(call->args)) {
        const struct command *command = command_named(args_next(call->args));

        if (command == NULL)
            continue;
        shown += show_histogram(call, command);
        for (size_t i = 0; i < command->subcommand_count; i++)
            shown += show_histogram(call, &command->subcommands[i]);
    }
    reply_close_map(call->reply, hole, shown);
    return VERDICT_DONE;
}

/* LATENCY HELP */
enum verdict do_latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Explains the events in words.",
        "GRAPH <event>",
        "    Draws the samples of an event.",
        "HISTORY <event>",
        "    The samples of an event: time, milliseconds.",
        "LATEST",
        "    The latest sample and the worst of every event.",
        "RESET [<event> ...]",
        "    Forgets some events, or all.",
        "HISTOGRAM [<command> ...]",
        "    How many calls of a command took at most so many microseconds.",
        NULL,
    };

    return call_help(call, lines);
}
