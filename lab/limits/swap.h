/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Swap of the lab's own, for as long as limits on swap are tried: a zram device, else a file. It
 * is noted in the state folder before it is used, so that `leaklab clean` finds it.
 */
#ifndef LEAKLAB_LAB_LIMITS_SWAP_H
#define LEAKLAB_LAB_LIMITS_SWAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;

/* Swap of the host that is free. */
uint64_t limits_swap_free_bytes(void);

/*
 * Makes @bytes of swap. Returns 0, or a negative errno with a sentence in @why that says what
 * was tried and what the kernel said; then nothing is left behind.
 */
int limits_swap_make(const struct state *state, uint64_t bytes, char *why, size_t size);

/*
 * Turns the swap of run @id off and removes it; the run may be dead. Does nothing when it has
 * none. Returns 0 or a negative errno.
 */
int limits_swap_remove(const char *id);

#endif
