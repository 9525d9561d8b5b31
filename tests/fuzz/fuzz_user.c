/*
 * Fuzzes the rules of users: a file is refused with its reasons or followed; what was
 * followed is what printing says, read again; and its users can be asked anything.
 */
#include <stdint.h>

#include "broker/acl/users.h"
#include "broker/config/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_all(const struct user *user, struct slice key)
{
    struct slice words[] = { SLICE("x"), key, key };

    for (size_t i = 0; i < command_count(); i += 7) {
        struct denial denial = user_asks(user, command_at(i), words, 3);

        must(denial.word < 3);
        must(denial.what == DENIED_NOTHING || !user_may_all(user));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct options options;
    struct buffer errors = { 0 };
    struct buffer printed = { 0 };
    struct users *users;
    struct users *again;

    options_init(&options);
    options.acl_pubsub_default = size % 2;
    users = users_read(&options, "fuzz", text, &errors);
    must((users == NULL) == (errors.len > 0));
    if (users != NULL) {
        users_check(users);
        users_print(users, &printed);
        options.acl_pubsub_default = (size + 1) % 2;
        again = users_read(&options, "again", buffer_slice(&printed), &errors);
        must(again != NULL);
        users_check(again);
        must(users_count(again) == users_count(users));
        for (size_t i = 0; i < users_count(users); i++) {
            must(user_equal(users_at(users, i), users_at(again, i)));
            ask_all(users_at(users, i), slice_of(data, size < 8 ? size : 8));
        }
        users_replace(users, again);
        users_check(users);
    }
    users_free(users);
    buffer_clear(&printed);
    buffer_clear(&errors);
    options_clear(&options);
    return 0;
}
