/*
 * How a handler ended. It has its own header because the generated table of
 * commands needs the type of a handler and nothing else of what a call is.
 */
#ifndef BROKER_DISPATCH_VERDICT_H
#define BROKER_DISPATCH_VERDICT_H

enum verdict {
    VERDICT_DONE,    /* it did what it was asked, and answered */
    VERDICT_REFUSED, /* it changed nothing and answered with an error */
    VERDICT_WAIT,    /* no answer yet: the same words are run again when a key is ready */
};

#endif
