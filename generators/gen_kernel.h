/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of its own objects, of limits and of processes. Allocates nothing. */
#ifndef LEAKLAB_GENERATORS_GEN_KERNEL_H
#define LEAKLAB_GENERATORS_GEN_KERNEL_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Kernel stack of a thread: THREAD_SIZE of x86-64, arm64, ppc64 and s390
 * (include/asm/thread_info.h) without KASAN. No file tells it.
 */
#define GEN_KERNEL_STACK_BYTES (16 * 1024)

/*
 * What a memory cgroup is charged for one object of the slab cache @name: the size of its slot and
 * the pointer to its cgroup (obj_full_size() in mm/memcontrol.c). From /sys/kernel/slab, else
 * /proc/slabinfo; @fallback_bytes, the size on a common x86-64 kernel, where neither can be read
 * or has it.
 */
uint64_t gen_kernel_object_bytes(const char *name, uint64_t fallback_bytes);

/* One object of each cache of @objects, which ends at a NULL name. */
struct gen_kernel_object {
	const char *name;
	uint64_t fallback_bytes;
	unsigned count;
};
uint64_t gen_kernel_objects_bytes(const struct gen_kernel_object *objects);

/* A number that is all of the file @path. Returns 0 or a negative errno (-EBADMSG: no number). */
int gen_kernel_number(const char *path, uint64_t *ret);

/*
 * The sum of the figures that follow @key ("Private_Dirty:") in the file @name of /proc/@pid, in
 * bytes; the file has kB. @pid 0 is the caller. Returns 0, -ENOENT, or another negative errno.
 */
int gen_kernel_proc_bytes(pid_t pid, const char *name, const char *key, uint64_t *ret_bytes);

/* Lines of the file @name of /proc/self that contain @text. Returns 0 or a negative errno. */
int gen_kernel_proc_lines(pid_t pid, const char *name, const char *text, uint64_t *ret);

/*
 * Threads that the cgroup of pids still lets the caller start; UINT64_MAX when none is set or it
 * cannot be told (the limit on users, RLIMIT_NPROC, shows itself only when fork fails).
 */
uint64_t gen_kernel_pids_left(void);

/*
 * Makes room for @count descriptors beside those that are open, by raising the soft limit and
 * growing the table at once. Returns 0 or -EMFILE, then *@ret_limit is what the hard limit allows.
 */
int gen_kernel_reserve_fds(uint64_t count, uint64_t *ret_limit);

#endif
