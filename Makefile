# Millrace: one non-recursive Makefile. `make help` prints what follows each target's ##.

CC      ?= gcc
KIND    ?= release
BUILD   ?= build/$(KIND)
GEN     := $(BUILD)/gen
PORT    ?= 6379

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Werror
CFLAGS.release := -O2 -g -fno-plt
CFLAGS.debug   := -Og -g3 -DMILLRACE_CHECKS
CFLAGS.asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
                  -fno-omit-frame-pointer -DMILLRACE_CHECKS
CFLAGS.ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all -DMILLRACE_CHECKS
CFLAGS.tsan    := -O1 -g -fsanitize=thread -DMILLRACE_CHECKS
CFLAGS.fuzz    := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all \
                  -DMILLRACE_CHECKS
CFLAGS   = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS.$(KIND)) -I. -I$(GEN) $(EXTRA)
LDFLAGS.asan   := -fsanitize=address,undefined
LDFLAGS.ubsan  := -fsanitize=undefined
LDFLAGS.tsan   := -fsanitize=thread
LDFLAGS.fuzz   := -fsanitize=address,undefined
LDFLAGS  = $(LDFLAGS.$(KIND)) -rdynamic

# Sanitizers bring their own allocator; everywhere else jemalloc is linked in.
ifneq ($(filter asan tsan fuzz,$(KIND)),)
CFLAGS  += -DMILLRACE_LIBC_MALLOC
LIBS.base := -lpthread -lm
else
LIBS.base := -l:libjemalloc_pic.a -lpthread -lm -ldl
endif
LIBS.broker := -lev -lcrypto -llzf $(LIBS.base)

# Each room group is one archive; a group may lean only on those named after it.
DIRS.base     := storage/base
DIRS.storage  := storage/index storage/format storage/values storage/keyspace storage/persist
DIRS.streams  := streams
DIRS.pubsub   := pubsub
DIRS.millrace := clients/lib
DIRS.broker   := broker $(filter-out broker/commands/spec,$(patsubst %/,%,$(wildcard broker/*/)))
NEEDS.base    := base
NEEDS.storage := storage base
NEEDS.streams := streams storage base
NEEDS.pubsub  := pubsub storage base
NEEDS.millrace := millrace
NEEDS.broker  := broker streams pubsub storage base millrace
GROUPS        := base storage streams pubsub millrace broker

# Programs' main files, and the program that makes the command table, are in no archive.
TABLEGEN := $(sort $(wildcard broker/dispatch/tablegen*.c))
MAINS    := broker/millrace.c $(TABLEGEN)
sources  = $(filter-out $(MAINS),$(sort $(wildcard $(addsuffix /*.c,$(DIRS.$(1))))))
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))
archives = $(foreach group,$(NEEDS.$(1)),$(BUILD)/lib$(group).a)

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:

all: $(BUILD)/millrace $(BUILD)/millrace-cli $(BUILD)/millrace-bench ## the broker and its tools

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# The command table is made from the spec files by a small program of ours. A command without a
# handler is left out, so handlers are read too; an unchanged table is not compiled again.
HANDLERS := $(sort $(wildcard broker/commands/do_*.c))
$(BUILD)/tablegen: $(TABLEGEN) $(wildcard broker/dispatch/*_private.h) broker/dispatch/command.h \
                   broker/dispatch/key_rule.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize=%,$(CFLAGS)) $(filter %.c,$^) -o $@
$(GEN)/commands.c: $(BUILD)/tablegen $(sort $(wildcard broker/commands/spec/*.cmd)) $(HANDLERS)
	@mkdir -p $(@D)
	$(Q)$(BUILD)/tablegen $(filter %.cmd %.c,$^) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(GEN)/commands.o: $(GEN)/commands.c
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# Prototypes of all handlers, kept as they are while no handler comes or goes.
$(GEN)/handlers.stamp: $(HANDLERS)
	@mkdir -p $(@D)
	@{ echo '/* Made from broker/commands: the prototypes of all handlers. */'; \
	   echo '#ifndef HANDLERS_H'; echo '#define HANDLERS_H'; \
	   echo '#include "broker/dispatch/call.h"'; \
	   cat /dev/null $^ | sed -nE 's/^(enum verdict do_[a-z0-9_]+\(struct call \*call\))$$/\1;/p' | sort -u; \
	   echo '#endif'; } > $@.new
	@cmp -s $@.new $(GEN)/handlers.h || cp $@.new $(GEN)/handlers.h
	@mv $@.new $@
$(GEN)/handlers.h: $(GEN)/handlers.stamp ;
$(call objects,$(HANDLERS)): | $(GEN)/handlers.stamp

define group
$(BUILD)/lib$(1).a: $(call objects,$(call sources,$(1))) $(if $(filter broker,$(1)),$(GEN)/commands.o)
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
$(GEN)/unit_$(1).c: $(sort $(wildcard tests/unit/$(1)/test_*.c)) tests/unit/runner.sh
	@mkdir -p $$(@D)
	$(Q)sh tests/unit/runner.sh $(1) $$(filter %.c,$$^) > $$@
$(BUILD)/unit-$(1): $(call objects,$(sort $(wildcard tests/unit/$(1)/*.c))) $(BUILD)/gen/unit_$(1).o \
                    $(call archives,$(1))
	$(Q)$(CC) $(LDFLAGS) $$^ -lcunit $(if $(filter broker,$(1)),$(LIBS.broker),$(LIBS.base)) -o $$@
endef
$(foreach name,$(GROUPS),$(eval $(call group,$(name))))

$(GEN)/%.o: $(GEN)/%.c
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/millrace: $(BUILD)/broker/millrace.o $(call archives,broker)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS.broker) -o $@
$(BUILD)/millrace-cli: $(call objects,$(wildcard clients/cli/*.c)) $(BUILD)/libmillrace.a
	$(Q)$(CC) $(LDFLAGS) $^ -ledit -lpthread -lm -o $@
$(BUILD)/millrace-bench: $(call objects,$(wildcard clients/bench/*.c)) $(BUILD)/libmillrace.a
	$(Q)$(CC) $(LDFLAGS) $^ -lcjson -lpthread -lm -o $@

-include Makefile.tests

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

unit: $(BUILD)/unit-$(ROOM) ## the unit tests of one room: make unit ROOM=streams
	$(BUILD)/unit-$(ROOM)

clean: ## removes everything that was built
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all help unit clean
