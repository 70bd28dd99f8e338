// A disk that fails, for tests: preloaded into the server, it stands between SQLite and the system
// calls that make a batch durable. What it does is said by files in the folder ONHAND_SHIM:
//   fail-flush   fsync and fdatasync of the database or its log fail with EIO
//   full         writes to them fail with ENOSPC
//   hold-flush   fsync and fdatasync of them wait until the file is gone
// It touches no other file, and does nothing while none of these is there.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_there(const char *trigger) {
    const char *folder = getenv("ONHAND_SHIM");
    char path[4096];
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, trigger);
    return syscall(SYS_faccessat, -100 /* AT_FDCWD */, path, F_OK) == 0;
}

static int ends_in(const char *text, size_t length, const char *ending) {
    size_t wanted = strlen(ending);
    return length >= wanted && memcmp(text + length - wanted, ending, wanted) == 0;
}

static int is_database(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return length > 0 && (ends_in(path, length, ".db") || ends_in(path, length, ".db-wal"));
}

static int fails(int error) {
    errno = error;
    return -1;
}

static int flush(long call, int fd) {
    const struct timespec moment = {0, 1000000};
    while (is_there("hold-flush") && is_database(fd)) nanosleep(&moment, NULL);
    if (is_there("fail-flush") && is_database(fd)) return fails(EIO);
    return (int)syscall(call, fd);
}

static int is_full(int fd) { return is_there("full") && is_database(fd); }

int fsync(int fd) { return flush(SYS_fsync, fd); }

int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }

ssize_t write(int fd, const void *bytes, size_t count) {
    return is_full(fd) ? fails(ENOSPC) : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    return is_full(fd) ? fails(ENOSPC) : syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    return is_full(fd) ? fails(ENOSPC) : syscall(SYS_pwrite64, fd, bytes, count, at);
}
