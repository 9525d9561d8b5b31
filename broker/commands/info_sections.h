/*
 * The sections of INFO that belong to no other room.
 */
#ifndef BROKER_COMMANDS_INFO_SECTIONS_H
#define BROKER_COMMANDS_INFO_SECTIONS_H

struct broker;

/*
 * Adds the writers to broker->info. They read the broker each time they run; of
 * its modules they need clock, config, metrics, errors, vitals, keyspaces, hub,
 * sessions, waiting, caller and loop.
 */
void info_sections_add(struct broker *broker);

/* Brings what the table of metrics has of turns up to date; rates of it are taken from there. */
void info_sections_count_turns(struct broker *broker);

#endif
