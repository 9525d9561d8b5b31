/* How a signal ends the broker: words that are bits. */
#include "broker/config/options_private.h"

static const struct {
    const char *word;
    uint32_t bit;
} ends[] = {
    { "default", 0 },
    { "save", OPTION_END_SAVE },
    { "nosave", OPTION_END_NOSAVE },
    { "now", OPTION_END_NOW },
    { "force", OPTION_END_FORCE },
};

enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static bool read_end(struct slice word, uint32_t *bits)
{
    for (size_t i = 0; i < ENDS; i++) {
        if (slice_equal_nocase(word, slice_text(ends[i].word))) {
            *bits |= ends[i].bit;
            return true;
        }
    }
    return false;
}

bool options_read_ends(uint32_t *field, const struct slice *words, size_t count,
                       struct trouble *trouble)
{
    bool known = count > 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < count; i++)
        known = known && read_end(words[i], &bits);
    if (!known)
        return trouble_set(trouble, "argument(s) must be one of the following: default, save, "
                                    "nosave, now, force");
    if ((bits & OPTION_END_SAVE) != 0 && (bits & OPTION_END_NOSAVE) != 0)
        return trouble_set(trouble, "shutdown options SAVE and NOSAVE can't be used "
                                    "simultaneously");
    *field = bits;
    return true;
}

void options_add_ends(uint32_t bits, struct buffer *to)
{
    size_t before = to->len;

    for (size_t i = 1; i < ENDS; i++) {
        if ((bits & ends[i].bit) != 0)
            buffer_print(to, "%s%s", to->len > before ? " " : "", ends[i].word);
    }
    if (bits == 0)
        buffer_add(to, slice_text(ends[0].word));
}
