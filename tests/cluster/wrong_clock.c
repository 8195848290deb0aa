/*
 * Preloaded, it lets a process see a time of day that is off by as many seconds as the file of
 * WRONG_CLOCK says; the clocks that nobody sets are right. Debian's faketime does the same, but
 * allocates memory before there is an allocator (mimalloc asks for the time first), and crashes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (failed || clock != CLOCK_REALTIME || !getenv("WRONG_CLOCK"))
        return failed;
    int file = open(getenv("WRONG_CLOCK"), O_RDONLY | O_CLOEXEC);
    char seconds[32] = "0";
    if (file >= 0) {
        ssize_t length = read(file, seconds, sizeof seconds - 1);
        seconds[length > 0 ? length : 0] = 0;
        close(file);
    }
    time->tv_sec += strtol(seconds, NULL, 10);
    return 0;
}
