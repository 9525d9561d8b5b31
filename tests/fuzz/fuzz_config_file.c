/*
 * Fuzzes the config file: whatever it says is followed or refused with a report,
 * and what was followed is said by the file that CONFIG REWRITE would make of it,
 * which can be read again and then means the same.
 */
#include <stdint.h>

#include "broker/config/config_file.h"
#include "broker/config/config_rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < options_count(); i++)
        must(options_equal(config_options(a), config_options(b), options_at(i)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct config *config = config_new();
    struct config *again = config_new();
    struct buffer report = { 0 };
    struct buffer rewritten = { 0 };

    /* No files of this machine are to be read. */
    if (size > 0 && memmem(data, size, "nclude", 6) == NULL &&
        memmem(data, size, "NCLUDE", 6) == NULL) {
        if (config_file_read_text(config, "fuzz.conf", text, &report)) {
            config_rewrite_text(config, text, false, &rewritten);

            bool readable =
                config_file_read_text(again, "again.conf", buffer_slice(&rewritten), &report);

            must(readable);
            check_same(config, again);
        } else {
            must(report.len > 0);
        }
    }
    buffer_clear(&rewritten);
    buffer_clear(&report);
    config_free(config);
    config_free(again);
    return 0;
}
