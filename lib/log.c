// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *prog = "leaklab";
static bool verbose_on;
static bool progress_shown;

void log_init(const char *name, bool verbose)
{
	prog = name;
	verbose_on = verbose;
}

static void clear_progress(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	progress_shown = false;
}

__attribute__((format(printf, 2, 0))) static void print_line(
	const char *level, const char *fmt, va_list args)
{
	clear_progress();
	fprintf(stderr, "%s: %s", prog, level);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

#define DEFINE_LOG(fn, level, condition)                                                           \
	void fn(const char *fmt, ...)                                                              \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		if (!(condition))                                                                  \
			return;                                                                    \
		va_start(args, fmt);                                                               \
		print_line(level, fmt, args);                                                      \
		va_end(args);                                                                      \
	}

DEFINE_LOG(log_error, "error: ", true)
DEFINE_LOG(log_warn, "warning: ", true)
DEFINE_LOG(log_info, "", true)
DEFINE_LOG(log_debug, "debug: ", verbose_on)

void log_progress(const char *fmt, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	clear_progress();
	if (!fmt)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fflush(stderr);
	progress_shown = true;
}
