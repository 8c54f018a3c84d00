// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/problems.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"

int problems_addv(struct problems *problems, const char *fmt, va_list args)
{
	char **grown;
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return -EINVAL;
	grown = reallocarray(problems->texts, problems->count + 1, sizeof(*grown));
	if (!grown) {
		free(text);
		return -EINVAL;
	}
	problems->texts = grown;
	problems->texts[problems->count++] = text;
	return -EINVAL;
}

int problems_add(struct problems *problems, const char *fmt, ...)
{
	va_list args;
	int err;

	va_start(args, fmt);
	err = problems_addv(problems, fmt, args);
	va_end(args);
	return err;
}

void problems_log(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		log_error("%s", problems->texts[i]);
}

void problems_done(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->texts[i]);
	free(problems->texts);
	*problems = (struct problems){ 0 };
}
