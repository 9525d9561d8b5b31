# Millrace: one non-recursive Makefile. `make help` prints what follows each target's ##.
#   make V=1 shows whole command lines, KIND=debug|asan|ubsan|tsan|cover builds another kind.

CC      ?= gcc
KIND    ?= release
BUILD   ?= build/$(KIND)
GEN     := $(BUILD)/gen
PORT    ?= 6379
DATA    ?= ./data

# All processors, unless somebody said how many; one short line for each file, unless V=1.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
Q   := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-4s %s\n' $(1) $(2))
# The same makefile with another kind, built beside this one.
other = $(MAKE) KIND=$(1) BUILD=$(patsubst %/,%,$(dir $(BUILD)))/$(1)

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
CFLAGS.cover   := -O0 -g --coverage -DMILLRACE_CHECKS
LDFLAGS.cover  := --coverage
LDFLAGS.asan   := -fsanitize=address,undefined
LDFLAGS.ubsan  := -fsanitize=undefined
LDFLAGS.tsan   := -fsanitize=thread
# A fuzzer's own addresses steer its search: they are the same each time.
LDFLAGS.fuzz   := -fsanitize=address,undefined -no-pie
LDFLAGS  = $(LDFLAGS.$(KIND)) -rdynamic

# Sanitizers bring their own allocator; everywhere else jemalloc is linked in.
ifneq ($(filter asan tsan fuzz,$(KIND)),)
CFLAGS  += -DMILLRACE_LIBC_MALLOC
LIBS.base := -l:libnettle.a -llzf -lisal -lpthread -lm
else
LIBS.base := -l:libjemalloc_pic.a -l:libnettle.a -llzf -lisal -lpthread -lm -ldl
endif
LIBS.lua := $(addprefix -l:liblua5.1,-cjson.a -bitop.a .a)
LIBS.broker := -lev $(LIBS.lua) $(LIBS.base)

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
BENCH    := $(wildcard clients/bench/*.c)
sources  = $(filter-out $(MAINS),$(sort $(wildcard $(addsuffix /*.c,$(DIRS.$(1))))))
objects  = $(patsubst %.c,$(BUILD)/%.o,$(1))
archives = $(foreach group,$(NEEDS.$(1)),$(BUILD)/lib$(group).a)

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:

##@ To use it
all: $(BUILD)/millrace $(BUILD)/millrace-cli $(if $(BENCH),$(BUILD)/millrace-bench) ## the broker and its tools
	@:

run: ## installs what is missing, builds, and runs a broker: PORT=6379 DATA=./data
	@sh tests/make/serve.sh check $(PORT)
	@sh tests/make/deps.sh run
	@$(MAKE) broker-and-cli
	@sh tests/make/serve.sh run $(PORT) $(DATA) $(BUILD)
broker-and-cli: $(BUILD)/millrace $(BUILD)/millrace-cli
	@:

demo: ## producers, workers, a crash and an audit, on the broker at PORT
	@sh tests/make/deps.sh run
	@$(MAKE) broker-and-cli
	@$(BUILD)/millrace-cli -p $(PORT) demo

PREFIX ?= /usr/local
install: ## puts the broker and its command line client into PREFIX/bin: PREFIX=/usr/local
	@sh tests/make/deps.sh run
	@$(MAKE) broker-and-cli
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(BUILD)/millrace $(BUILD)/millrace-cli $(DESTDIR)$(PREFIX)/bin

# A release of gcc's optimises across the files of the rooms that a request passes: 3 to 10 % fewer
# instructions a request. Their objects are code as well, for all that is linked without (tests,
# tools) and for the gates. `make LTO=` spares the seconds of linking to who builds again and again.
LTO_ROOMS := storage/base storage/index storage/values storage/keyspace streams pubsub broker/protocol \
             broker/net broker/session broker/dispatch broker/effects
LTO := $(and $(filter release,$(KIND)),$(findstring Free Software,$(shell $(CC) --version)),-flto=auto)
LDFLAGS.release := -fno-lto
ifneq ($(LTO),)
$(foreach room,$(LTO_ROOMS),$(call objects,$(wildcard $(room)/*.c))): CFLAGS += $(LTO) -ffat-lto-objects
$(BUILD)/millrace: LDFLAGS.release := $(LTO)
endif

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# The command table is made from the spec files by a small program of ours. A command without a
# handler is left out, so handlers are read too; an unchanged table is not compiled again.
HANDLERS := $(sort $(wildcard broker/commands/do_*.c))
$(BUILD)/tablegen: $(TABLEGEN) $(wildcard broker/dispatch/*_private.h) broker/dispatch/command.h \
                   broker/dispatch/key_rule.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -fsanitize=%,$(CFLAGS)) $(filter %.c,$^) -o $@
$(GEN)/commands.stamp: $(BUILD)/tablegen $(sort $(wildcard broker/commands/spec/*.cmd)) $(HANDLERS)
	@mkdir -p $(@D)
	$(call say,GEN,$(GEN)/commands.c)
	$(Q)$(BUILD)/tablegen $(filter %.cmd %.c,$^) > $@.new
	@cmp -s $@.new $(GEN)/commands.c || cp $@.new $(GEN)/commands.c
	@mv $@.new $@
$(GEN)/commands.c: $(GEN)/commands.stamp ;

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
	$$(call say,AR,$$@)
	$(Q)$(AR) rcs $$@ $$^
$(GEN)/unit_$(1).c: $(sort $(wildcard tests/unit/$(1)/test_*.c)) tests/unit/runner.sh
	@mkdir -p $$(@D)
	$(Q)sh tests/unit/runner.sh $(1) $$(filter %.c,$$^) > $$@
$(BUILD)/unit-$(1): $(call objects,$(sort $(wildcard tests/unit/$(1)/*.c))) $(BUILD)/gen/unit_$(1).o \
                    $(call archives,$(1))
	$$(call say,LD,$$@)
	$(Q)$(CC) $(LDFLAGS) $$^ -lcunit $(if $(filter broker,$(1)),$(LIBS.broker),$(LIBS.base)) -o $$@
endef
$(foreach name,$(GROUPS),$(eval $(call group,$(name))))

$(GEN)/%.o: $(GEN)/%.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/millrace: $(BUILD)/broker/millrace.o $(call archives,broker)
	$(call say,LD,$@)
	+$(Q)$(CC) $(LDFLAGS) $^ $(LIBS.broker) -o $@
$(BUILD)/millrace-cli: $(call objects,$(wildcard clients/cli/*.c)) $(BUILD)/libmillrace.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -ledit -lpthread -lm -o $@
$(BUILD)/millrace-bench: $(call objects,$(BENCH)) $(BUILD)/libmillrace.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -lcjson -lpthread -lm -o $@

include Makefile.tests

deps: ## installs the Debian packages that building and testing need
	@sh tests/make/deps.sh run test fuzz

clean: ## removes everything that was built
	rm -rf build

help: ## this list
	@awk -f tests/make/help.awk Makefile Makefile.tests

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all run broker-and-cli demo install deps clean help
