/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of messages for people, collected by libraries that must not print. Each names the
 * thing, the value and the mend; the command prints them.
 */
#ifndef LEAKLAB_LAB_PROBLEMS_H
#define LEAKLAB_LAB_PROBLEMS_H

#include <stdarg.h>
#include <stddef.h>

struct problems {
	char **texts;
	size_t count;
};

/*
 * Appends a message. Returns -EINVAL, so that a check can `return problems_add(...)`; also when
 * memory is out and the message is lost, so that the check fails all the same.
 */
int problems_add(struct problems *problems, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int problems_addv(struct problems *problems, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Prints all with log_error(), in order. */
void problems_log(const struct problems *problems);

void problems_done(struct problems *problems);

#define _cleanup_problems_ __attribute__((cleanup(problems_done)))

#endif
