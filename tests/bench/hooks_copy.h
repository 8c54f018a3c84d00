/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program on the hook, with maps of its own: one of hooks.bpf.c, or the collector's. */
#ifndef LEAKLAB_BENCH_HOOKS_COPY_H
#define LEAKLAB_BENCH_HOOKS_COPY_H

#include <stdbool.h>

struct bpf_link;
struct bpf_program;

/* Zeroed: none. */
struct copy {
	struct hooks *hooks;	/* its object, of one or ... */
	struct memgrowth *ours; /* ... the other */
	struct bpf_program *program;
	struct bpf_link *link; /* NULL: not attached */
};

/*
 * Loads @name: a program of hooks.bpf.c, "ours" as the collector sets it, or "ours_each", the same
 * with each update looked at. Returns 0, -ENOENT for another name, or an errno of libbpf; in each
 * case it is to be closed.
 */
int copy_open(const char *name, struct copy *copy);
void copy_close(struct copy *copy);

/* May take turns. */
int copy_attach(struct copy *copy);
void copy_detach(struct copy *copy);

bool copy_is_iterator(const struct copy *copy);

/* Runs an iterator that is attached once. Returns 0 or a negative errno. */
int copy_sample(const struct bpf_link *link);

#endif
