/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer for JSON Lines: one object a line, built in a buffer that the caller owns, without any
 * allocation. Reading is jansson's job.
 *
 *	struct jsonl line;
 *	char buf[JSONL_LINE_SIZE];
 *
 *	jsonl_begin(&line, buf, sizeof(buf));
 *	jsonl_str(&line, "type", "ready");
 *	jsonl_u64(&line, "t_ns", now_ns);
 *	err = jsonl_write_fd(&line, STDOUT_FILENO);
 *
 * Errors stick: once a value did not fit, the rest is ignored and the write returns -ENOSPC, so
 * that a cut line is never written.
 */
#ifndef LEAKLAB_LIB_JSONL_H
#define LEAKLAB_LIB_JSONL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Enough for a line that carries one hostile path of 4096 bytes, each escaped to 6. */
#define JSONL_LINE_SIZE 32768

struct jsonl {
	char *buf;
	size_t size;
	size_t len;
	bool comma; /* the next value needs a comma before it */
	int err;
};

/* Opens the line's object in @buf of @size bytes, which the caller keeps until the write. */
void jsonl_begin(struct jsonl *line, char *buf, size_t size);

/*
 * Members of the object that is open. In an array, @key is NULL.
 * Strings are escaped; a byte that is not valid UTF-8 is written as the text \xHH, so that any
 * name of a process or a cgroup makes valid JSON. A NULL string is written as null.
 */
void jsonl_str(struct jsonl *line, const char *key, const char *value);
void jsonl_u64(struct jsonl *line, const char *key, uint64_t value);
void jsonl_i64(struct jsonl *line, const char *key, int64_t value);
void jsonl_bool(struct jsonl *line, const char *key, bool value);
void jsonl_null(struct jsonl *line, const char *key);
/* @decimals digits after the point; what is not finite is written as null. */
void jsonl_f64(struct jsonl *line, const char *key, double value, int decimals);

void jsonl_object_begin(struct jsonl *line, const char *key);
void jsonl_object_end(struct jsonl *line);
void jsonl_array_begin(struct jsonl *line, const char *key);
void jsonl_array_end(struct jsonl *line);

/* Closes the object, ends the line. Returns its length in bytes, newline included, or -ENOSPC. */
int jsonl_finish(struct jsonl *line);

/* jsonl_finish(), then the whole line to @fd or @out. Returns 0 or a negative errno. */
int jsonl_write_fd(struct jsonl *line, int fd);
int jsonl_write_file(struct jsonl *line, FILE *out);

#endif
