/*
 * The pipe carries notes of a fixed size, small enough that each is written in
 * one piece. The end of the pipe without a last note means that the child died.
 */
#include "storage/persist/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/faults.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"
#include "storage/base/urgency.h"

enum { NOTE_RUNNING, NOTE_DONE, NOTE_FAILED };

struct note {
    struct child_report report;
    struct trouble trouble;
    int state;
};

struct child_line {
    int fd;
};

struct child {
    pid_t pid;
    int fd;
    enum child_state state;
    struct child_report report;
    struct trouble trouble;
    struct note note; /* as far as it came */
    size_t came;
};

/* Bytes of memory that this process does not share with another any more. */
static uint64_t private_bytes(void)
{
    static const char wanted[] = "Private_Dirty:";
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    uint64_t bytes = 0;
    char line[256];

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, wanted, sizeof(wanted) - 1) == 0)
            bytes = strtoull(line + sizeof(wanted) - 1, NULL, 10) * 1024;
    }
    (void)fclose(file);
    return bytes;
}

static void send_note(int fd, const struct note *note)
{
    const char *at = (const char *)note;
    size_t left = sizeof(*note);

    while (left > 0) {
        ssize_t written = write(fd, at, left);

        if (written < 0 && errno != EINTR)
            _exit(1); /* nobody listens: the parent is gone */
        if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
}

void child_tell(struct child_line *line, uint64_t done)
{
    struct note note;

    memset(&note, 0, sizeof(note));
    note.report.done = done;
    note.report.copied = private_bytes();
    send_note(line->fd, &note);
}

/* Handlers of the parent would speak through descriptors of the parent. */
static void forget_signals(void)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGALRM,
                                   SIGUSR1, SIGUSR2 };
    sigset_t none;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)signal(signals[i], SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * What is open in a child stays open when its server is killed, until the child has died too: with
 * much memory and a busy machine that takes a second. A new server needs the port at once, and
 * who was connected is to hear of it.
 */
static void leave_sockets(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        socklen_t size = sizeof(int);
        int type;

        if (fd > STDERR_FILENO && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
            (void)close(fd);
    }
    (void)closedir(folder);
}

static _Noreturn void be_child(const struct child_setup *setup, int fd, pid_t parent)
{
    struct child_line line = { fd };
    struct note note;
    bool fine;

    forget_signals();
    urgency_lower();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    leave_sockets();
    if (setup->birth.run != NULL)
        setup->birth.run(setup->birth.who);
    memset(&note, 0, sizeof(note));
    fine = setup->run(setup->who, &line, &note.trouble);
    note.report.copied = private_bytes();
    note.state = fine ? NOTE_DONE : NOTE_FAILED;
    send_note(fd, &note);
    _exit(fine ? 0 : 1);
}

struct child *child_start(const struct child_setup *setup, struct trouble *trouble)
{
    pid_t parent = getpid();
    struct child *child;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        (void)trouble_errno(trouble, "pipe");
        return NULL;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pid = faults_hit(setup->faults, "fork") ? -1 : fork();
    if (pid == 0) {
        (void)close(ends[0]);
        be_child(setup, ends[1], parent);
    }
    if (pid < 0) {
        (void)trouble_errno(trouble, "fork");
        (void)close(ends[0]);
        (void)close(ends[1]);
        return NULL;
    }
    (void)close(ends[1]);
    child = memory_new_zeroed(1, sizeof(*child));
    child->pid = pid;
    child->fd = ends[0];
    return child;
}

static void take_note(struct child *child)
{
    uint64_t done = child->report.done;

    child->report = child->note.report;
    if (child->report.done < done)
        child->report.done = done;
    child->trouble = child->note.trouble;
    if (child->note.state == NOTE_DONE)
        child->state = CHILD_DONE;
    else if (child->note.state == NOTE_FAILED)
        child->state = CHILD_FAILED;
    child->came = 0;
}

/* Waits for the end of a child that closed its pipe, and says what it died of. */
static void bury(struct child *child)
{
    int status = 0;
    pid_t gone;

    do
        gone = waitpid(child->pid, &status, 0);
    while (gone < 0 && errno == EINTR);
    child->pid = 0;
    if (child->state != CHILD_RUNNING)
        return;
    child->state = CHILD_FAILED;
    if (gone > 0 && WIFSIGNALED(status))
        (void)trouble_set(&child->trouble, "terminated by signal %d", WTERMSIG(status));
    else
        (void)trouble_set(&child->trouble, "ended without a word");
}

enum child_state child_poll(struct child *child, struct child_report *report,
                            struct trouble *trouble)
{
    while (child->pid > 0) {
        ssize_t got =
            read(child->fd, (char *)&child->note + child->came, sizeof(child->note) - child->came);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            bury(child);
            break;
        }
        child->came += (size_t)got;
        if (child->came == sizeof(child->note))
            take_note(child);
    }
    *report = child->report;
    if (child->pid > 0)
        return CHILD_RUNNING; /* it has said how it ended, perhaps, but is not gone yet */
    if (child->state == CHILD_FAILED)
        *trouble = child->trouble;
    return child->state;
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

void child_free(struct child *child)
{
    if (child == NULL)
        return;
    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        bury(child);
    }
    (void)close(child->fd);
    memory_free(child);
}
