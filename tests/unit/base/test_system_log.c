/* Lines for the log of the system. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "storage/base/system_log.h"

void suite_system_log(void);

/* Somebody who listens as the log of the system does. */
struct listening {
    char folder[32];
    char path[64];
    int fd;
    char line[2048];
};

static void begin(struct listening *who)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", who->path);
    who->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_TRUE_FATAL(who->fd >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(who->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void end(struct listening *who)
{
    close(who->fd);
    unlink(who->path);
}

static void make_folder(struct listening *who)
{
    snprintf(who->folder, sizeof(who->folder), "/tmp/millrace-syslog-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(who->folder));
    snprintf(who->path, sizeof(who->path), "%s/log", who->folder);
}

static const char *heard(struct listening *who)
{
    ssize_t got = recv(who->fd, who->line, sizeof(who->line) - 1, 0);

    who->line[got > 0 ? got : 0] = '\0';
    return who->line;
}

static void a_line_has_priority_date_ident_and_pid(void)
{
    struct listening who;
    struct system_log *log;
    char wanted[128];

    make_folder(&who);
    begin(&who);
    log = system_log_new(who.path, "river", SYSTEM_LOG_LOCAL0 + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    system_log_line(log, SYSTEM_LOG_NOTICE, "Nov  3 07:08:09", "water rises!", 11);
    snprintf(wanted, sizeof(wanted), "<149>Nov  3 07:08:09 river[%d]: water rises", (int)getpid());
    CU_ASSERT_STRING_EQUAL(heard(&who), wanted);
    system_log_free(log);
    end(&who);
    rmdir(who.folder);
}

static void who_listens_may_come_late_and_come_back(void)
{
    struct listening who;
    struct system_log *log;

    make_folder(&who);
    log = system_log_new(who.path, "river", SYSTEM_LOG_USER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    system_log_line(log, SYSTEM_LOG_DEBUG, "", "lost", 4);
    for (int times = 0; times < 2; times++) {
        begin(&who);
        system_log_line(log, SYSTEM_LOG_WARNING, "", "kept", 4);
        CU_ASSERT_EQUAL(strncmp(heard(&who), "<12> river[", 11), 0);
        end(&who);
    }
    system_log_free(log);
    rmdir(who.folder);
}

static void nobody_waits_for_one_who_does_not_read(void)
{
    struct listening who;
    struct system_log *log;
    char text[3000];

    make_folder(&who);
    begin(&who);
    memset(text, 'x', sizeof(text));
    log = system_log_new(who.path, "river", SYSTEM_LOG_USER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    for (int i = 0; i < 10000; i++)
        system_log_line(log, SYSTEM_LOG_INFO, "", text, sizeof(text));
    /* What is too long is cut off. */
    CU_ASSERT_TRUE(strlen(heard(&who)) < 1200);
    system_log_free(log);
    end(&who);
    rmdir(who.folder);
}

void suite_system_log(void)
{
    CU_pSuite suite = CU_add_suite("system_log", NULL, NULL);

    CU_add_test(suite, "a line has priority, date, ident and pid",
                a_line_has_priority_date_ident_and_pid);
    CU_add_test(suite, "who listens may come late, and come back",
                who_listens_may_come_late_and_come_back);
    CU_add_test(suite, "nobody waits for one who does not read",
                nobody_waits_for_one_who_does_not_read);
}
