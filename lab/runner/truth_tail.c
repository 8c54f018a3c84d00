// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/truth_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "leaklab.truth"
#define LINE_MAX_BYTES (1U << 20)

int truth_tail_open(struct truth_tail *tail, const char *path)
{
	*tail = (struct truth_tail){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	return tail->fd < 0 ? -errno : 0;
}

void truth_tail_close(struct truth_tail *tail)
{
	if (tail->fd >= 0)
		close(tail->fd);
	free(tail->line);
	*tail = (struct truth_tail){ .fd = -1 };
}

static int take_record(struct truth_tail *tail, const json_t *record)
{
	const char *type = json_string_value(json_object_get(record, "type"));
	const char *format = json_string_value(json_object_get(record, "format"));
	const char *reason = json_string_value(json_object_get(record, "reason"));

	if (!type)
		return -EBADMSG;
	if (tail->lines == 0 &&
		(strcmp(type, "header") != 0 || !format || strcmp(format, FORMAT) != 0))
		return -EBADMSG;
	if (strcmp(type, "ready") == 0) {
		tail->ready = true;
		tail->ready_ns = (uint64_t)json_integer_value(json_object_get(record, "t_ns"));
	} else if (strcmp(type, "exited") == 0) {
		tail->killed += json_integer_value(json_object_get(record, "signal")) == SIGKILL;
	} else if (strcmp(type, "end") == 0) {
		tail->ended = true;
		snprintf(tail->reason, sizeof(tail->reason), "%s", reason ? reason : "");
	}
	return 0;
}

static int take_line(struct truth_tail *tail, const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, 0, NULL);
	int err = record ? take_record(tail, record) : -EBADMSG;

	json_decref(record);
	if (err == 0)
		tail->lines++;
	return err;
}

/* Takes the complete lines off the front of the buffer. */
static int take_lines(struct truth_tail *tail)
{
	char *start = tail->line, *end;
	int err = 0;

	while (err == 0 && (end = memchr(start, '\n', tail->len - (start - tail->line)))) {
		err = take_line(tail, start, end - start);
		if (err == 0)
			start = end + 1;
	}
	tail->len -= start - tail->line;
	memmove(tail->line, start, tail->len);
	return err;
}

int truth_tail_read(struct truth_tail *tail)
{
	ssize_t n;

	for (;;) {
		int err;

		if (tail->len == tail->size) {
			size_t size = tail->size ? tail->size * 2 : 4096;
			char *grown = size <= LINE_MAX_BYTES ? realloc(tail->line, size) : NULL;

			if (!grown)
				return size > LINE_MAX_BYTES ? -EBADMSG : -ENOMEM;
			tail->line = grown;
			tail->size = size;
		}
		n = read(tail->fd, tail->line + tail->len, tail->size - tail->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		tail->len += n;
		err = take_lines(tail);
		if (err < 0)
			return err;
	}
}
