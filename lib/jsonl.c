// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/jsonl.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static void put(struct jsonl *line, const char *text, size_t len)
{
	if (line->err)
		return;
	if (len > line->size - line->len) {
		line->err = -ENOSPC;
		return;
	}
	memcpy(line->buf + line->len, text, len);
	line->len += len;
}

__attribute__((format(printf, 2, 3))) static void put_format(
	struct jsonl *line, const char *fmt, ...)
{
	char text[64];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		line->err = -ENOSPC;
	else
		put(line, text, (size_t)len);
}

/*
 * Length of the valid UTF-8 sequence at @s, or 0. Refuses overlong forms, surrogates and code
 * points above U+10FFFF (RFC 3629, section 4).
 */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first_min || s[0] > forms[i].first_max)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* Bytes from @s on that are written as they are. */
static size_t plain_len(const unsigned char *s)
{
	size_t len = 0;

	while (s[len] >= 0x20 && s[len] < 0x7f && s[len] != '"' && s[len] != '\\')
		len++;
	return len;
}

static void put_string(struct jsonl *line, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	put(line, "\"", 1);
	for (;;) {
		size_t len = plain_len(s);

		put(line, (const char *)s, len);
		s += len;
		if (!*s)
			break;
		len = utf8_len(s);
		if (*s == '"' || *s == '\\')
			put_format(line, "\\%c", *s);
		else if (*s == '\n')
			put(line, "\\n", 2);
		else if (*s < 0x20 || *s == 0x7f)
			put_format(line, "\\u%04x", *s);
		else if (len == 0)
			put_format(line, "\\\\x%02x", *s);
		else
			put(line, (const char *)s, len);
		s += len ? len : 1;
	}
	put(line, "\"", 1);
}

static void put_key(struct jsonl *line, const char *key)
{
	if (line->comma)
		put(line, ",", 1);
	line->comma = true;
	if (key) {
		put_string(line, key);
		put(line, ":", 1);
	}
}

void jsonl_begin(struct jsonl *line, char *buf, size_t size)
{
	*line = (struct jsonl){ .buf = buf, .size = size };
	put(line, "{", 1);
}

void jsonl_str(struct jsonl *line, const char *key, const char *value)
{
	if (!value) {
		jsonl_null(line, key);
		return;
	}
	put_key(line, key);
	put_string(line, value);
}

/* Numbers are most of what is written: printf() would take most of the time. */
static void put_u64(struct jsonl *line, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(line, text + at, sizeof(text) - at);
}

void jsonl_u64(struct jsonl *line, const char *key, uint64_t value)
{
	put_key(line, key);
	put_u64(line, value);
}

void jsonl_i64(struct jsonl *line, const char *key, int64_t value)
{
	put_key(line, key);
	if (value < 0)
		put(line, "-", 1);
	put_u64(line, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void jsonl_bool(struct jsonl *line, const char *key, bool value)
{
	put_key(line, key);
	put_format(line, "%s", value ? "true" : "false");
}

void jsonl_null(struct jsonl *line, const char *key)
{
	put_key(line, key);
	put(line, "null", 4);
}

void jsonl_f64(struct jsonl *line, const char *key, double value, int decimals)
{
	if (!isfinite(value)) {
		jsonl_null(line, key);
		return;
	}
	put_key(line, key);
	/* No negative zero: fmin() and fmax() may give either one. */
	put_format(line, "%.*f", decimals, value + 0.0);
}

static void open_group(struct jsonl *line, const char *key, const char *bracket)
{
	put_key(line, key);
	put(line, bracket, 1);
	line->comma = false;
}

static void close_group(struct jsonl *line, const char *bracket)
{
	put(line, bracket, 1);
	line->comma = true;
}

void jsonl_object_begin(struct jsonl *line, const char *key)
{
	open_group(line, key, "{");
}

void jsonl_object_end(struct jsonl *line)
{
	close_group(line, "}");
}

void jsonl_array_begin(struct jsonl *line, const char *key)
{
	open_group(line, key, "[");
}

void jsonl_array_end(struct jsonl *line)
{
	close_group(line, "]");
}

int jsonl_finish(struct jsonl *line)
{
	put(line, "}\n", 2);
	return line->err ? line->err : (int)line->len;
}

int jsonl_write_fd(struct jsonl *line, int fd)
{
	int len = jsonl_finish(line);
	size_t done = 0;

	if (len < 0)
		return len;
	while (done < (size_t)len) {
		ssize_t n = write(fd, line->buf + done, (size_t)len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int jsonl_write_file(struct jsonl *line, FILE *out)
{
	int len = jsonl_finish(line);

	if (len < 0)
		return len;
	if (fwrite(line->buf, 1, (size_t)len, out) != (size_t)len)
		return errno ? -errno : -EIO;
	return 0;
}
