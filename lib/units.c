// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

#define KIB 1024.0

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", KIB },
	{ "M", KIB *KIB },
	{ "G", KIB *KIB *KIB },
	{ "T", KIB *KIB *KIB *KIB },
	{ "KiB", KIB },
	{ "MiB", KIB *KIB },
	{ "GiB", KIB *KIB *KIB },
	{ "TiB", KIB *KIB *KIB *KIB },
	{ "KB", 1e3 },
	{ "MB", 1e6 },
	{ "GB", 1e9 },
	{ "TB", 1e12 },
};

static const struct unit period_units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 } };

static const struct unit duration_units[] = {
	{ "ns", 1 },
	{ "us", 1e3 },
	{ "ms", 1e6 },
	{ "s", 1e9 },
	{ "m", 60e9 },
	{ "min", 60e9 },
	{ "h", 3600e9 },
	{ "d", 86400e9 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static double find_factor(const struct unit *units, size_t count, const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, name, len) == 0)
			return units[i].factor;
	return 0;
}

/* A plain decimal number: strtod() alone would take blanks, signs, "inf" and hexadecimal. */
static int parse_number(const char *text, double *ret, const char **ret_end)
{
	size_t len = strspn(text, "0123456789.");
	char digits[64];
	char *end;
	double value;

	if (len == 0 || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = '\0';
	value = strtod(digits, &end);
	if (*end != '\0' || end == digits)
		return -EINVAL;
	*ret = value;
	*ret_end = text + len;
	return 0;
}

static int parse_size_part(const char *text, size_t len, double *ret_bytes)
{
	const char *end;
	double value, factor;
	int err;

	err = parse_number(text, &value, &end);
	if (err)
		return err;
	if (end > text + len)
		return -EINVAL;
	/* A blank may only stand before a unit. */
	if (end + 1 < text + len && *end == ' ')
		end++;
	factor = find_factor(size_units, COUNT(size_units), end, (size_t)(text + len - end));
	if (factor == 0)
		return -EINVAL;
	*ret_bytes = value * factor;
	return 0;
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	double bytes;
	int err;

	err = parse_size_part(text, strlen(text), &bytes);
	if (err)
		return err;
	if (bytes >= 0x1p63)
		return -ERANGE;
	*ret_bytes = (uint64_t)llround(bytes);
	return 0;
}

int units_parse_rate(const char *text, double *ret_bytes_per_s)
{
	const char *slash = strchr(text, '/');
	double bytes, period;
	int err;

	if (!slash)
		return -EINVAL;
	err = parse_size_part(text, (size_t)(slash - text), &bytes);
	if (err)
		return err;
	period = find_factor(period_units, COUNT(period_units), slash + 1, strlen(slash + 1));
	if (period == 0)
		return -EINVAL;
	*ret_bytes_per_s = bytes / period;
	return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	double total = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	do {
		const char *end;
		double value, factor;
		size_t len = 0;
		int err;

		err = parse_number(text, &value, &end);
		if (err)
			return err;
		while (isalpha((unsigned char)end[len]))
			len++;
		factor = find_factor(duration_units, COUNT(duration_units), end, len);
		if (factor == 0)
			return -EINVAL;
		total += value * factor;
		text = end + len;
	} while (*text);
	if (total >= 0x1p63)
		return -ERANGE;
	*ret_ns = (uint64_t)llround(total);
	return 0;
}

/* Three significant digits, without an exponent. */
static void format_three(double value, const char *unit, char *buf, size_t size)
{
	int decimals = fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;

	snprintf(buf, size, "%.*f %s", decimals, value, unit);
}

static void format_bytes(double bytes, const char *suffix, char *buf, size_t size)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	char unit[16];
	size_t i = 0;

	while (i + 1 < COUNT(names) && fabs(bytes) >= 1000) {
		bytes /= KIB;
		i++;
	}
	snprintf(unit, sizeof(unit), "%s%s", names[i], suffix);
	if (i == 0)
		snprintf(buf, size, "%.0f %s", bytes, unit);
	else
		format_three(bytes, unit, buf, size);
}

char *units_format_size(double bytes, char *buf, size_t size)
{
	format_bytes(bytes, "", buf, size);
	return buf;
}

char *units_format_rate(double bytes_per_s, char *buf, size_t size)
{
	format_bytes(bytes_per_s, "/s", buf, size);
	return buf;
}

char *units_format_duration(double seconds, char *buf, size_t size)
{
	double magnitude = fabs(seconds);

	if (magnitude < 1e-3 && magnitude > 0)
		format_three(seconds * 1e6, "us", buf, size);
	else if (magnitude < 1 && magnitude > 0)
		format_three(seconds * 1e3, "ms", buf, size);
	else if (magnitude < 600)
		format_three(seconds, "s", buf, size);
	else if (magnitude < 2 * 86400)
		format_three(seconds / 60, "min", buf, size);
	else
		format_three(seconds / 86400, "d", buf, size);
	return buf;
}
