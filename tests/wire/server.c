#include "tests/wire/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_PORT = 21000, LAST_PORT = 29999, START_PATIENCE_MS = 30000, STOP_PATIENCE_MS = 30000 };

struct server {
    struct server_setup setup;
    char folder[64];
    char socket_path[96];
    char log_path[96];
    int port;
    pid_t process; /* 0 while none runs */
};

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

struct server *server_new(const struct server_setup *setup, struct text *trouble)
{
    struct server *server = need(NULL, sizeof *server);

    *server = (struct server){ .setup = *setup, .folder = "/tmp/millrace-wire-XXXXXX" };
    if (mkdtemp(server->folder) == NULL) {
        text_print(trouble, "making a folder in /tmp: %s", strerror(errno));
        free(server);
        return NULL;
    }
    snprintf(server->socket_path, sizeof server->socket_path, "%s/socket", server->folder);
    snprintf(server->log_path, sizeof server->log_path, "%s/log", server->folder);
    return server;
}

/* Tries ports from a place that depends on the process, so that parallel runs seldom meet. */
static int free_port(void)
{
    int span = LAST_PORT - FIRST_PORT;
    int offset = (int)((getpid() * 37L + (long)clock()) % span);

    for (int i = 0; i < span; i++) {
        int port = FIRST_PORT + (offset + i) % span;
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int one = 1;
        int probe = socket(AF_INET, SOCK_STREAM, 0);

        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        bool taken = bind(probe, (struct sockaddr *)&address, sizeof address) != 0;
        close(probe);
        if (!taken)
            return port;
    }
    return 0;
}

/* In the child: becomes the server. */
static void become_server(const struct server *server)
{
    const struct words *options = server->setup.options;
    size_t given = options == NULL ? 0 : options->count;
    const char **words = need(NULL, (given + 16) * sizeof *words);
    size_t count = 0;
    char port[16];
    int log = open(server->log_path, O_WRONLY | O_CREAT | O_APPEND, 0644);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "%d", server->port);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(log, 1);
    dup2(log, 2);
    words[count++] = server->setup.program;
    words[count++] = "--port";
    words[count++] = port;
    words[count++] = "--bind";
    words[count++] = "127.0.0.1";
    words[count++] = "--unixsocket";
    words[count++] = server->socket_path;
    words[count++] = "--dir";
    words[count++] = server->folder;
    words[count++] = "--save";
    words[count++] = "";
    for (size_t i = 0; i < given; i++)
        words[count++] = options->at[i].at;
    words[count] = NULL;
    execvp(words[0], (char *const *)words);
    dprintf(2, "cannot run %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

bool server_runs(struct server *server)
{
    if (server->process != 0 && waitpid(server->process, NULL, WNOHANG) == server->process)
        server->process = 0;
    return server->process != 0;
}

/* Says PING on a connection of its own. */
static bool answers(const struct server *server)
{
    char answer[8] = { 0 };
    struct timeval patience = { .tv_sec = 1 };
    int fd = server_connect(server);

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool pong = write(fd, "PING\r\n", 6) == 6 && read(fd, answer, sizeof answer) >= 5 &&
                (memcmp(answer, "+PONG", 5) == 0 || memcmp(answer, "-NOAU", 5) == 0);
    close(fd);
    return pong;
}

bool server_start(struct server *server, struct text *trouble)
{
    server->port = free_port();
    unlink(server->socket_path);
    server->process = fork();
    if (server->process == 0)
        become_server(server);
    for (long waited = 0; waited < START_PATIENCE_MS; waited += 2) {
        if (answers(server))
            return true;
        if (!server_runs(server)) {
            text_print(trouble, "%s ended while starting; its log ends with:\n",
                       server->setup.program);
            server_log_end(server, trouble);
            return false;
        }
        sleep_ms(2);
    }
    text_print(trouble, "%s does not answer PING\n", server->setup.program);
    server_log_end(server, trouble);
    server_crash(server);
    return false;
}

void server_stop(struct server *server)
{
    if (!server_runs(server))
        return;
    kill(server->process, SIGTERM);
    for (long waited = 0; waited < STOP_PATIENCE_MS; waited += 2) {
        if (!server_runs(server))
            return;
        sleep_ms(2);
    }
    server_crash(server);
}

void server_crash(struct server *server)
{
    if (!server_runs(server))
        return;
    kill(server->process, SIGKILL);
    waitpid(server->process, NULL, 0);
    server->process = 0;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    server_crash(server);
    remove_tree(server->folder);
    free(server);
}

int server_connect(const struct server *server)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->socket_path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

const char *server_folder(const struct server *server)
{
    return server->folder;
}

const char *server_program(const struct server *server)
{
    return server->setup.program;
}

int server_port(const struct server *server)
{
    return server->port;
}

pid_t server_process(const struct server *server)
{
    return server->process;
}

void server_log_end(const struct server *server, struct text *out)
{
    char bytes[1024];
    int fd = open(server->log_path, O_RDONLY);

    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    lseek(fd, size > (off_t)sizeof bytes ? size - (off_t)sizeof bytes : 0, SEEK_SET);
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0)
        text_add(out, bytes, (size_t)got);
    close(fd);
}

static bool copy_file(const char *from, const char *to)
{
    char bytes[65536];
    int source = open(from, O_RDONLY);
    int target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t got = -1;

    if (source >= 0 && target >= 0) {
        while ((got = read(source, bytes, sizeof bytes)) > 0) {
            if (write(target, bytes, (size_t)got) != got) {
                got = -1;
                break;
            }
        }
    }
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    return got == 0;
}

/* Runs an action for every entry of a folder, given its path. */
static bool each_entry(const char *folder, bool (*act)(const char *path, const char *name, void *),
                       void *owner)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    bool fine = entries != NULL;

    while (fine && (entry = readdir(entries)) != NULL) {
        char path[512];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fine = act(path, entry->d_name, owner);
    }
    if (entries != NULL)
        closedir(entries);
    return fine;
}

static bool copy_entry(const char *path, const char *name, void *owner)
{
    char target[512];

    snprintf(target, sizeof target, "%s/%s", (const char *)owner, name);
    return copy_tree(path, target);
}

bool copy_tree(const char *from, const char *to)
{
    struct stat status;
    char target[512];

    if (lstat(from, &status) != 0)
        return false;
    if (S_ISREG(status.st_mode))
        return copy_file(from, to);
    if (!S_ISDIR(status.st_mode))
        return true;
    if (mkdir(to, 0755) != 0 && errno != EEXIST)
        return false;
    snprintf(target, sizeof target, "%s", to);
    return each_entry(from, copy_entry, target);
}

static bool remove_entry(const char *path, const char *name, void *owner)
{
    (void)name;
    (void)owner;
    remove_tree(path);
    return true;
}

void remove_tree(const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return;
    if (S_ISDIR(status.st_mode)) {
        each_entry(path, remove_entry, NULL);
        rmdir(path);
    } else {
        unlink(path);
    }
}
