/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that a holder makes. They die with the process that made them, whatever ends it. */
#ifndef LEAKLAB_GENERATORS_GEN_CHILD_H
#define LEAKLAB_GENERATORS_GEN_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "generators/gen_holder.h"

/*
 * Forks. Returns 0 in the child, which SIGKILL ends when its parent is gone; a process id in the
 * parent; or a negative errno with hold->error filled with the limit that is to be raised.
 */
pid_t gen_child_fork(struct gen_hold *hold);

/* Kills @pid and waits until its memory is given back. */
void gen_child_kill(pid_t pid);

/*
 * A child that was ended by another than this process: it is reaped, and hold->killed_by and
 * hold->error say of what it died. Returns its process id, or 0 when there is none.
 */
pid_t gen_child_ended(struct gen_hold *hold);

/* Refuses more tasks than the limit on pids allows: 0, or -EAGAIN with hold->error filled. */
int gen_child_check_limit(struct gen_hold *hold, uint64_t tasks);

#endif
