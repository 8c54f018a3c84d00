// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/rundir/run_flat.h"

#include <string.h>

struct scanner {
	const char *at, *end;
};

static bool take(struct scanner *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

/* Plain printable ASCII: neither an escape nor what must be checked for valid UTF-8. */
static bool take_text(struct scanner *scan, const char **ret, unsigned short *ret_len)
{
	const char *from;

	if (!take(scan, '"'))
		return false;
	for (from = scan->at; scan->at < scan->end && *scan->at != '"'; scan->at++)
		if (*scan->at == '\\' || *scan->at < ' ' || *scan->at == 0x7f)
			return false;
	if (scan->at - from > 4096)
		return false;
	*ret = from;
	*ret_len = (unsigned short)(scan->at - from);
	return take(scan, '"');
}

static bool take_number(struct scanner *scan, uint64_t *ret)
{
	const char *from = scan->at;
	uint64_t number = 0;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		number = 10 * number + (uint64_t)(*scan->at++ - '0');
	*ret = number;
	/* 18 digits always fit; JSON knows no leading zeros. */
	return scan->at > from && scan->at - from <= 18 && (*from != '0' || scan->at - from == 1);
}

static bool take_word(struct scanner *scan, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return false;
	scan->at += len;
	return true;
}

static bool take_value(struct scanner *scan, struct run_flat_member *member)
{
	member->text = NULL;
	member->is_number = false;
	if (scan->at == scan->end)
		return false;
	if (*scan->at == '"')
		return take_text(scan, &member->text, &member->text_len);
	if (*scan->at >= '0' && *scan->at <= '9') {
		member->is_number = true;
		return take_number(scan, &member->number);
	}
	return take_word(scan, "null") || take_word(scan, "true") || take_word(scan, "false");
}

static const struct run_flat_member *find(const struct run_flat *flat, const char *key, size_t len)
{
	for (size_t i = 0; i < flat->count; i++)
		if (flat->member[i].key_len == len && memcmp(flat->member[i].key, key, len) == 0)
			return &flat->member[i];
	return NULL;
}

bool run_flat_scan(const char *line, size_t len, struct run_flat *ret)
{
	struct scanner scan = { .at = line, .end = line + len };
	const struct run_flat_member *type;

	ret->count = 0;
	if (!take(&scan, '{'))
		return false;
	do {
		struct run_flat_member *member = &ret->member[ret->count];

		if (ret->count == RUN_FLAT_MEMBERS_MAX ||
			!take_text(&scan, &member->key, &member->key_len) || !take(&scan, ':') ||
			find(ret, member->key, member->key_len) || !take_value(&scan, member))
			return false;
		ret->count++;
	} while (take(&scan, ','));
	if (!take(&scan, '}') || !take(&scan, '\n') || scan.at != scan.end)
		return false;
	type = find(ret, "type", 4);
	return type && type->text;
}

bool run_flat_is(const struct run_flat *flat, const char *type)
{
	const struct run_flat_member *member = find(flat, "type", 4);
	size_t len = strlen(type);

	return member->text_len == len && memcmp(member->text, type, len) == 0;
}

bool run_flat_has(const struct run_flat *flat, const char *key)
{
	return find(flat, key, strlen(key)) != NULL;
}

bool run_flat_u64(const struct run_flat *flat, const char *key, uint64_t *ret)
{
	const struct run_flat_member *member = find(flat, key, strlen(key));

	if (!member || !member->is_number)
		return false;
	*ret = member->number;
	return true;
}
