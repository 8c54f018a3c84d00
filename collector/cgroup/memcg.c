// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/cgroup/memcg.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* Several times what memory.stat of 7.2 has. */
#define TEXT_SIZE 16384
#define CHARGE_BATCH_PAGES 64
#define VALUE_MAX (UINT64_MAX >> 4)

static const char *const file_names[][MEMCG_FILES] = {
	[1] = {
		[MEMCG_FILE_USAGE] = "memory.usage_in_bytes",
		[MEMCG_FILE_STAT] = "memory.stat",
		[MEMCG_FILE_EVENTS] = "memory.oom_control",
		[MEMCG_FILE_KMEM] = "memory.kmem.usage_in_bytes",
		[MEMCG_FILE_TCP] = "memory.kmem.tcp.usage_in_bytes",
		[MEMCG_FILE_FAILS] = "memory.failcnt",
	},
	[2] = {
		[MEMCG_FILE_USAGE] = "memory.current",
		[MEMCG_FILE_STAT] = "memory.stat",
		[MEMCG_FILE_SWAP] = "memory.swap.current",
		[MEMCG_FILE_EVENTS] = "memory.events",
	},
};

/* What is read out of memory.stat, memory.events and memory.oom_control. */
enum stat_key {
	STAT_ANON,
	STAT_CACHE, /* page cache with shmem and swap cache */
	STAT_SHMEM,
	STAT_SWAPCACHED,
	STAT_KERNEL,
	STAT_SLAB_RECLAIMABLE,
	STAT_SLAB_UNRECLAIMABLE,
	STAT_PAGETABLES,
	STAT_SEC_PAGETABLES,
	STAT_KERNEL_STACK,
	STAT_PERCPU,
	STAT_SOCK,
	STAT_SWAP,
	STAT_DIRTY,
	STAT_WRITEBACK,
	STAT_INACTIVE_FILE,
	STAT_ACTIVE_FILE,
	STAT_UNEVICTABLE,
	STAT_HIGH,
	STAT_MAX,
	STAT_OOM,
	STAT_OOM_KILL,
	STAT_KEYS,
};

static const char *const key_names[][STAT_KEYS] = {
	[1] = {
		[STAT_ANON] = "total_rss",
		[STAT_CACHE] = "total_cache",
		[STAT_SHMEM] = "total_shmem",
		[STAT_SWAPCACHED] = "total_swapcached",
		[STAT_SWAP] = "total_swap",
		[STAT_DIRTY] = "total_dirty",
		[STAT_WRITEBACK] = "total_writeback",
		[STAT_INACTIVE_FILE] = "total_inactive_file",
		[STAT_ACTIVE_FILE] = "total_active_file",
		[STAT_UNEVICTABLE] = "total_unevictable",
		[STAT_OOM_KILL] = "oom_kill",
	},
	[2] = {
		[STAT_ANON] = "anon",
		[STAT_CACHE] = "file",
		[STAT_SHMEM] = "shmem",
		[STAT_SWAPCACHED] = "swapcached",
		[STAT_KERNEL] = "kernel",
		[STAT_SLAB_RECLAIMABLE] = "slab_reclaimable",
		[STAT_SLAB_UNRECLAIMABLE] = "slab_unreclaimable",
		[STAT_PAGETABLES] = "pagetables",
		[STAT_SEC_PAGETABLES] = "sec_pagetables",
		[STAT_KERNEL_STACK] = "kernel_stack",
		[STAT_PERCPU] = "percpu",
		[STAT_SOCK] = "sock",
		[STAT_DIRTY] = "file_dirty",
		[STAT_WRITEBACK] = "file_writeback",
		[STAT_INACTIVE_FILE] = "inactive_file",
		[STAT_ACTIVE_FILE] = "active_file",
		[STAT_UNEVICTABLE] = "unevictable",
		[STAT_HIGH] = "high",
		[STAT_MAX] = "max",
		[STAT_OOM] = "oom",
		[STAT_OOM_KILL] = "oom_kill",
	},
};

void memcg_source_init(const struct cgroup_host *host, struct memcg_source *ret)
{
	*ret = (struct memcg_source){
		.mount_fd = host->mount_fd,
		.version = host->version,
		.fs_magic = host->version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC,
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
		.cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
	};
}

/* A file of a cgroup that was removed says ENODEV, its directory ENOENT. */
static int gone(int err)
{
	return err == -ENOENT ? -ENODEV : err;
}

/* Opens the directory for this reading, if it is still the same cgroup. */
static int open_dir(struct memcg *memcg)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (memcg->dir >= 0)
		return 0;
	fd = openat(memcg->source->mount_fd, *memcg->path ? memcg->path : ".",
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return gone(-errno);
	if (fstat(fd, &st))
		return -errno;
	if (memcg->id && st.st_ino != memcg->id)
		return -ENODEV;
	memcg->dir = cleanup_steal_fd(&fd);
	return 0;
}

static void close_dir(struct memcg *memcg)
{
	if (memcg->dir >= 0)
		close(memcg->dir);
	memcg->dir = -1;
}

/* Returns a descriptor, -ENOENT when this kernel has no such file, or another errno. */
static int open_file(struct memcg *memcg, enum memcg_file file)
{
	const char *name = file_names[memcg->source->version][file];
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	int err;

	if (!name)
		return -ENOENT;
	err = open_dir(memcg);
	if (err)
		return err;
	fd = openat(memcg->dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Once: what has the number of this cgroup is not mounted over later. */
	if (!memcg->checked[file] && fstatfs(fd, &fs))
		return -errno;
	if (!memcg->checked[file] && fs.f_type != memcg->source->fs_magic)
		return -EXDEV;
	memcg->checked[file] = true;
	return cleanup_steal_fd(&fd);
}

static bool is_kept(const struct memcg *memcg, enum memcg_file file)
{
	return memcg->keep == MEMCG_KEEP_ALL ||
	       (memcg->keep == MEMCG_KEEP_USAGE && file == MEMCG_FILE_USAGE);
}

/* Reads all of @file as text. Returns its length, 0 when there is no such file, or an errno. */
static ssize_t read_file(struct memcg *memcg, enum memcg_file file, char *text, size_t size)
{
	_cleanup_close_ int opened = -1;
	int fd = memcg->fds[file];
	ssize_t len;

	if (memcg->absent[file])
		return 0;
	if (fd < 0) {
		fd = open_file(memcg, file);
		if (fd == -ENOENT) {
			memcg->absent[file] = true;
			return 0;
		}
		if (fd < 0)
			return fd;
		*(is_kept(memcg, file) ? &memcg->fds[file] : &opened) = fd;
	}
	len = pread(fd, text, size - 1, 0);
	if (len < 0)
		return gone(-errno);
	/* An empty file, or one with more than any kernel says, is none of a cgroup. */
	if (len == 0 || (size_t)len == size - 1)
		return -EBADMSG;
	text[len] = '\0';
	return len;
}

/* Digits up to @end_mark, below 2^63. Returns what follows, or NULL. */
static const char *parse_number(const char *text, char end_mark, uint64_t *ret)
{
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (value > ((uint64_t)INT64_MAX - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	if (*text != end_mark)
		return NULL;
	*ret = value;
	return text + 1;
}

/* A file that is one number; MEMCG_UNKNOWN without such a file. */
static int read_number(struct memcg *memcg, enum memcg_file file, uint64_t *ret)
{
	char text[64];
	ssize_t len = read_file(memcg, file, text, sizeof(text));
	const char *end;
	uint64_t value;

	if (len < 0)
		return (int)len;
	if (len == 0) {
		*ret = MEMCG_UNKNOWN;
		return 0;
	}
	end = parse_number(text, '\n', &value);
	if (!end || *end || value > VALUE_MAX)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* Returns false for a value that no machine has: sums of some must fit into a record. */
static bool keep_value(int version, const char *key, size_t len, uint64_t value, uint64_t *values)
{
	for (int i = 0; i < STAT_KEYS; i++) {
		const char *name = key_names[version][i];

		if (name && strncmp(name, key, len) == 0 && name[len] == '\0') {
			values[i] = value;
			return value <= VALUE_MAX;
		}
	}
	return true;
}

/* A file of lines "key number". Keys that are not known are passed over. */
static int read_keys(struct memcg *memcg, enum memcg_file file, uint64_t *values)
{
	char text[TEXT_SIZE];
	ssize_t len = read_file(memcg, file, text, sizeof(text));

	if (len < 0)
		return (int)len;
	for (const char *at = text, *end; len > 0 && *at; at = end) {
		size_t key_len = strcspn(at, " \n");
		uint64_t value = 0;

		end = key_len && at[key_len] == ' ' ? parse_number(at + key_len + 1, '\n', &value)
						    : NULL;
		if (!end || !keep_value(memcg->source->version, at, key_len, value, values))
			return -EBADMSG;
	}
	return 0;
}

static uint64_t known(uint64_t value)
{
	return value == MEMCG_UNKNOWN ? 0 : value;
}

static uint64_t minus(uint64_t value, uint64_t part)
{
	return value > part ? value - part : 0;
}

/* All kernel memory where the kernel has no such figure: see memcg.h. */
static uint64_t kernel_beside(const struct memcg_usage *usage, const uint64_t *values)
{
	uint64_t parts = 0, rest = usage->usage_bytes;

	for (int i = STAT_SLAB_RECLAIMABLE; i <= STAT_PERCPU; i++)
		parts += known(values[i]);
	rest = minus(rest, known(usage->anon_bytes));
	rest = minus(rest, known(usage->file_bytes));
	rest = minus(rest, known(usage->shmem_bytes));
	rest = minus(rest, known(usage->sock_bytes));
	return rest > parts ? rest : parts;
}

static void set_usage(const uint64_t *values, struct memcg_usage *usage)
{
	usage->anon_bytes = values[STAT_ANON];
	usage->shmem_bytes = values[STAT_SHMEM];
	if (values[STAT_CACHE] != MEMCG_UNKNOWN)
		usage->file_bytes = minus(values[STAT_CACHE],
			known(values[STAT_SHMEM]) + known(values[STAT_SWAPCACHED]));
	usage->slab_reclaimable_bytes = values[STAT_SLAB_RECLAIMABLE];
	usage->slab_unreclaimable_bytes = values[STAT_SLAB_UNRECLAIMABLE];
	usage->pagetables_bytes = values[STAT_PAGETABLES];
	if (values[STAT_PAGETABLES] != MEMCG_UNKNOWN)
		usage->pagetables_bytes += known(values[STAT_SEC_PAGETABLES]);
	usage->kernel_stack_bytes = values[STAT_KERNEL_STACK];
	usage->percpu_bytes = values[STAT_PERCPU];
	usage->unevictable_bytes = values[STAT_UNEVICTABLE];
	if (values[STAT_INACTIVE_FILE] != MEMCG_UNKNOWN)
		usage->reclaimable_bytes = values[STAT_INACTIVE_FILE] +
					   known(values[STAT_ACTIVE_FILE]) +
					   known(values[STAT_SLAB_RECLAIMABLE]);
	if (values[STAT_DIRTY] != MEMCG_UNKNOWN)
		usage->dirty_bytes = values[STAT_DIRTY] + known(values[STAT_WRITEBACK]);
	usage->high_events = values[STAT_HIGH];
	usage->oom_events = values[STAT_OOM];
	usage->oom_kills = values[STAT_OOM_KILL];
}

static int read_v1(struct memcg *memcg, const uint64_t *values, struct memcg_usage *usage)
{
	int err;

	usage->swap_bytes = values[STAT_SWAP];
	err = read_number(memcg, MEMCG_FILE_KMEM, &usage->kernel_bytes);
	if (!err)
		err = read_number(memcg, MEMCG_FILE_TCP, &usage->sock_bytes);
	if (!err)
		err = read_number(memcg, MEMCG_FILE_FAILS, &usage->max_events);
	return err;
}

static int read_v2(struct memcg *memcg, const uint64_t *values, struct memcg_usage *usage)
{
	usage->sock_bytes = values[STAT_SOCK];
	usage->max_events = values[STAT_MAX];
	usage->kernel_bytes = values[STAT_KERNEL] != MEMCG_UNKNOWN ? values[STAT_KERNEL]
								   : kernel_beside(usage, values);
	return read_number(memcg, MEMCG_FILE_SWAP, &usage->swap_bytes);
}

static int read_usage(struct memcg *memcg, uint64_t *ret_bytes)
{
	uint64_t bytes;
	int err = read_number(memcg, MEMCG_FILE_USAGE, &bytes);

	if (err)
		return err;
	if (bytes == MEMCG_UNKNOWN)
		return -ENODATA;
	*ret_bytes = bytes;
	return 0;
}

int memcg_read_usage(struct memcg *memcg, uint64_t *ret_bytes)
{
	int err = read_usage(memcg, ret_bytes);

	close_dir(memcg);
	return err;
}

static int read_all(struct memcg *memcg, struct memcg_usage *ret)
{
	const struct memcg_source *source = memcg->source;
	struct memcg_usage usage;
	uint64_t values[STAT_KEYS];
	int err;

	/* All bits set is "unknown". */
	memset(&usage, 0xff, sizeof(usage));
	memset(values, 0xff, sizeof(values));
	err = read_usage(memcg, &usage.usage_bytes);
	if (!err)
		err = read_keys(memcg, MEMCG_FILE_STAT, values);
	if (!err)
		err = read_keys(memcg, MEMCG_FILE_EVENTS, values);
	if (err)
		return err;
	set_usage(values, &usage);
	err = source->version == 2 ? read_v2(memcg, values, &usage)
				   : read_v1(memcg, values, &usage);
	if (err)
		return err;
	usage.error_bytes = CHARGE_BATCH_PAGES * source->cpus * source->page_bytes;
	*ret = usage;
	return 0;
}

int memcg_read(struct memcg *memcg, struct memcg_usage *ret)
{
	int err = read_all(memcg, ret);

	close_dir(memcg);
	return err;
}

int memcg_open(const struct memcg_source *source, const char *path, uint64_t id,
	enum memcg_keep keep, struct memcg *ret)
{
	struct memcg memcg = { .source = source, .id = id, .keep = keep, .dir = -1 };
	uint64_t bytes;
	int err;

	for (int i = 0; i < MEMCG_FILES; i++)
		memcg.fds[i] = -1;
	while (*path == '/')
		path++;
	memcg.path = strdup(path);
	if (!memcg.path)
		return -ENOMEM;
	err = memcg_read_usage(&memcg, &bytes);
	if (err) {
		memcg_close(&memcg);
		return err;
	}
	*ret = memcg;
	return 0;
}

void memcg_close(struct memcg *memcg)
{
	for (int i = 0; i < MEMCG_FILES; i++) {
		if (memcg->fds[i] >= 0)
			close(memcg->fds[i]);
		memcg->fds[i] = -1;
	}
	free(memcg->path);
	memcg->path = NULL;
}
