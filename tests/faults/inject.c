/*
 * Counts the calls that a program makes on the files below one directory, over all of its threads,
 * and lets one of them go wrong. Preloaded (LD_PRELOAD); strace counts each thread by itself, and
 * sled writes on any of several.
 *
 * IPVSH_INJECT_DIR   the directory, absolute
 * IPVSH_INJECT_LOG   a file that gets a line per counted call, "w NAME PATH" or "r NAME PATH"
 * IPVSH_INJECT_AT    which call, from 1
 * IPVSH_INJECT_READS 1: count what reads; else what changes something
 * IPVSH_INJECT_HOW   kill    die before it
 *                    torn    die with half of it written; of what cannot be halved, behind it
 *                    short   write half of it, and say so
 *                    full    as short; from then on everything that needs room fails with ENOSPC
 *                    NUMBER  fail with this errno
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

enum verdict { GO_ON, FAIL, HALF, HALF_AND_DIE };

static atomic_long calls;
static atomic_int disk_is_full;

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void die(void)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		pause();
}

static int is_ours(const char *path)
{
	const char *dir = getenv("IPVSH_INJECT_DIR");
	size_t length = dir ? strlen(dir) : 0;
	return length && path && !strncmp(path, dir, length) && (path[length] == '/' || !path[length]);
}

static const char *path_of(int fd, char *path, size_t size)
{
	char name[32];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t length = syscall(SYS_readlink, name, path, size - 1);
	path[length < 0 ? 0 : length] = 0;
	return path;
}

static void note(char kind, const char *name, const char *path)
{
	const char *log = getenv("IPVSH_INJECT_LOG");
	char line[512];
	if (!log)
		return;
	int length = snprintf(line, sizeof line, "%c %s %s\n", kind, name, path);
	long fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		syscall(SYS_write, fd, line, (size_t)length);
		syscall(SYS_close, fd);
	}
}

/* What is to happen to a call; needs_room: it fails on a full disk. */
static enum verdict judge(int reads, int needs_room, const char *name, const char *path)
{
	const char *at = getenv("IPVSH_INJECT_AT"), *how = getenv("IPVSH_INJECT_HOW");
	const char *counted = getenv("IPVSH_INJECT_READS");
	if (!is_ours(path))
		return GO_ON;
	note(reads ? 'r' : 'w', name, path);
	/* What is there takes no room. */
	if ((!strcmp(name, "mkdir") || !strcmp(name, "create")) && !access(path, F_OK))
		needs_room = 0;
	if (needs_room && disk_is_full) {
		errno = ENOSPC;
		return FAIL;
	}
	if (!at || !how || (counted && *counted == '1') != reads)
		return GO_ON;
	if (atomic_fetch_add(&calls, 1) + 1 != atol(at))
		return GO_ON;
	if (!strcmp(how, "kill"))
		die();
	if (!strcmp(how, "torn"))
		return HALF_AND_DIE;
	if (!strcmp(how, "short"))
		return HALF;
	if (!strcmp(how, "full")) {
		disk_is_full = 1;
		return HALF;
	}
	errno = atoi(how);
	return FAIL;
}

/* A call that cannot be halved. */
#define WHOLE(type, needs_room, name, path, call)                   \
	do {                                                        \
		enum verdict verdict = judge(0, needs_room, name, path); \
		if (verdict == FAIL)                                \
			return -1;                                  \
		if (verdict == HALF && needs_room && disk_is_full) { \
			errno = ENOSPC;                             \
			return -1;                                  \
		}                                                   \
		type result = (call);                               \
		if (verdict == HALF_AND_DIE)                        \
			die();                                      \
		return result;                                      \
	} while (0)

/* A write; SIZE is what is left to do. */
#define WRITE(name, fd, size, call)                                 \
	do {                                                        \
		char path[4096];                                    \
		enum verdict verdict = judge(0, 1, name, path_of(fd, path, sizeof path)); \
		if (verdict == FAIL)                                \
			return -1;                                  \
		if (verdict != GO_ON && size > 1)                   \
			size /= 2;                                  \
		ssize_t result = (call);                            \
		if (verdict == HALF_AND_DIE)                        \
			die();                                      \
		return result;                                      \
	} while (0)

#define READ(name, fd, call)                                        \
	do {                                                        \
		char path[4096];                                    \
		if (judge(1, 0, name, path_of(fd, path, sizeof path)) == FAIL) \
			return -1;                                  \
		return (call);                                      \
	} while (0)

ssize_t write(int fd, const void *data, size_t size)
{
	WRITE("write", fd, size, REAL(write)(fd, data, size));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	WRITE("pwrite", fd, size, REAL(pwrite64)(fd, data, size, at));
}

ssize_t read(int fd, void *data, size_t size)
{
	READ("read", fd, REAL(read)(fd, data, size));
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at)
{
	READ("pread", fd, REAL(pread64)(fd, data, size, at));
}

int fsync(int fd)
{
	char path[4096];
	WHOLE(int, 0, "fsync", path_of(fd, path, sizeof path), REAL(fsync)(fd));
}

int fdatasync(int fd)
{
	char path[4096];
	WHOLE(int, 0, "fdatasync", path_of(fd, path, sizeof path), REAL(fdatasync)(fd));
}

int sync_file_range(int fd, off64_t at, off64_t size, unsigned int flags)
{
	char path[4096];
	WHOLE(int, 0, "sync_file_range", path_of(fd, path, sizeof path),
	      REAL(sync_file_range)(fd, at, size, flags));
}

int ftruncate64(int fd, off64_t size)
{
	char path[4096];
	WHOLE(int, 0, "ftruncate", path_of(fd, path, sizeof path), REAL(ftruncate64)(fd, size));
}

int fchmod(int fd, mode_t mode)
{
	char path[4096];
	WHOLE(int, 0, "fchmod", path_of(fd, path, sizeof path), REAL(fchmod)(fd, mode));
}

int chmod(const char *path, mode_t mode)
{
	WHOLE(int, 0, "chmod", path, REAL(chmod)(path, mode));
}

int mkdir(const char *path, mode_t mode)
{
	WHOLE(int, 1, "mkdir", path, REAL(mkdir)(path, mode));
}

int rmdir(const char *path)
{
	WHOLE(int, 0, "rmdir", path, REAL(rmdir)(path));
}

int unlink(const char *path)
{
	WHOLE(int, 0, "unlink", path, REAL(unlink)(path));
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[4096];
	const char *where = *name == '/' ? name : path_of(dir, path, sizeof path);
	WHOLE(int, 0, "unlinkat", where, REAL(unlinkat)(dir, name, flags));
}

int rename(const char *from, const char *to)
{
	WHOLE(int, 0, "rename", from, REAL(rename)(from, to));
}

/* One that makes a file changes something; one that only opens it is a read. */
static int open_at(const char *function, const char *path, int flags, mode_t mode)
{
	int (*open_it)(const char *, int, ...) = real(function);
	if (!(flags & O_CREAT)) {
		if (judge(1, 0, "open", path) == FAIL)
			return -1;
		return open_it(path, flags, mode);
	}
	WHOLE(int, 1, "create", path, open_it(path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return open_at("open64", path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return open_at("open", path, flags, mode);
}
