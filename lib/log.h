/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages for people, on stderr. Only main programs and commands log; libraries return errors.
 * A message names the thing, the value and the mend.
 */
#ifndef LEAKLAB_LIB_LOG_H
#define LEAKLAB_LIB_LOG_H

#include <stdbool.h>

/*
 * Names the program that every line starts with. @name is borrowed and must outlive all calls.
 * With @verbose, log_debug() lines are printed as well.
 */
void log_init(const char *name, bool verbose);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A progress line, rewritten in place. Printed only when stderr is a terminal; the next log line
 * clears it. NULL clears it at once.
 */
void log_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
