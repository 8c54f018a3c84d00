/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of a JSON object that is flat: texts without escapes, whole numbers from 0, true,
 * false and null. Nearly all lines of a recording and of a truth are such, and taking them apart
 * without building a tree is twenty times as fast. Whatever is not flat is left to jansson, so this
 * decides nothing about what is valid.
 */
#ifndef LEAKLAB_LAB_RUN_FLAT_H
#define LEAKLAB_LAB_RUN_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_FLAT_MEMBERS_MAX 32

struct run_flat_member {
	const char *key;  /* not terminated */
	const char *text; /* of a text, not terminated; NULL otherwise */
	uint64_t number;
	unsigned short key_len, text_len;
	bool is_number;
};

struct run_flat {
	struct run_flat_member member[RUN_FLAT_MEMBERS_MAX];
	size_t count;
};

/*
 * Takes @line of @len bytes apart, to which @ret points then. Returns false when it is not flat, or
 * has a key twice or no text "type".
 */
bool run_flat_scan(const char *line, size_t len, struct run_flat *ret);
/* True when its "type" is @type. */
bool run_flat_is(const struct run_flat *flat, const char *type);
bool run_flat_has(const struct run_flat *flat, const char *key);
/* False, output untouched, when @key is absent or no number. */
bool run_flat_u64(const struct run_flat *flat, const char *key, uint64_t *ret);

#endif
