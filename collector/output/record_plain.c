// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/record_layout.h"

/* So many digits of a number always fit. */
#define DIGITS_MAX 18

/* Moves @at past @text, if that is there. Ends at the line's newline at the latest. */
static bool pass(const char **at, const char *text)
{
	const char *c = *at;

	for (; *text; text++, c++)
		if (*c != *text)
			return false;
	*at = c;
	return true;
}

/* A number as it is written: no sign, no fraction, no zeros in front. */
static bool pass_number(const char **at, uint64_t *ret)
{
	const char *first = *at, *c = first;
	uint64_t value = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (c - first == DIGITS_MAX)
			return false;
		value = value * 10 + (uint64_t)(*c - '0');
	}
	if (c == first || (*first == '0' && c - first > 1))
		return false;
	*at = c;
	*ret = value;
	return true;
}

static bool pass_field(const char **at, const struct record_field *field, struct record *ret)
{
	uint64_t *value = (uint64_t *)((char *)ret + field->offset);

	if (!pass(at, ",\"") || !pass(at, field->key) || !pass(at, "\":"))
		return false;
	switch (field->kind) {
	case FIELD_U64:
		return pass_number(at, value);
	case FIELD_LIMIT:
	case FIELD_LIMIT_OR_NO:
		if (pass(at, "null")) {
			*value = RECORD_UNLIMITED;
			return true;
		}
		return pass_number(at, value);
	default:
		return false;
	}
}

bool record_parse_plain(const char *line, struct record *ret)
{
	static const enum record_type plain[] = { RECORD_RSS, RECORD_TICK, RECORD_MEMCG };

	if (!pass(&line, "{\"type\":\""))
		return false;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct record_layout *layout = &record_layouts[plain[i]];

		if (!pass(&line, layout->name))
			continue;
		ret->type = plain[i];
		if (!pass(&line, "\""))
			return false;
		for (const struct record_field *field = layout->fields; field->key; field++)
			if (!pass_field(&line, field, ret))
				return false;
		return pass(&line, "}\n");
	}
	return false;
}
