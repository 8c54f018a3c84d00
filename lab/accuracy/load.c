// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/accuracy/load.h"
#include "lib/cleanup.h"
#include "lib/revision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#define OURS "memgrowth"

/* A run directory goes through the same form as a file, so that there is one way in. */
static int load_run(char *path, struct judged_file *file, struct run_error *error)
{
	const struct judged_header header = { .revision = revision() };
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t size = 0;
	FILE *in;
	int err = run_score_open(&path, 1, NULL, &score, error);

	if (err)
		return err;
	out = open_memstream(&text, &size);
	if (!out)
		return run_fail(error, -ENOMEM, "%s: out of memory", path);
	err = judged_write_header(out, &header);
	if (!err)
		err = judged_write_score(out, score, NULL);
	if (!err && fflush(out))
		err = -ENOMEM;
	if (err)
		return run_fail(error, err, "%s: %s", path, strerror(-err));
	in = fmemopen(text, size, "r");
	if (!in)
		return run_fail(error, -ENOMEM, "%s: out of memory", path);
	return judged_read(in, path, file, error);
}

static int load_one(char *path, struct judged_file *file, struct run_error *error)
{
	struct stat st;
	FILE *in;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return load_run(path, file, error);
	in = fopen(path, "re");
	if (!in) {
		error->usage = true;
		return run_fail(error, -errno,
			"%s: %m: must be a file of judged units (of `leaklab simulate`) or a run "
			"directory",
			path);
	}
	return judged_read(in, path, file, error);
}

struct seen {
	UT_hash_handle hh;
	char key[];
};

static void seen_done(struct seen **seen)
{
	struct seen *one, *next;

	HASH_ITER (hh, *seen, one, next) {
		HASH_DEL(*seen, one);
		free(one);
	}
}

/* Returns 0, -EEXIST or -ENOMEM. */
static int see(struct seen **seen, const char *key)
{
	size_t len = strlen(key);
	struct seen *one;

	HASH_FIND(hh, *seen, key, len, one);
	if (one)
		return -EEXIST;
	one = malloc(sizeof(*one) + len + 1);
	if (!one)
		return -ENOMEM;
	memcpy(one->key, key, len + 1);
	HASH_ADD(hh, *seen, key, len, one);
	return 0;
}

static int check_unique(const struct judged_file *file, struct run_error *error)
{
	_cleanup_(seen_done) struct seen *seen = NULL;

	for (size_t i = 0; i < file->units_count; i++) {
		const struct judged_unit *unit = &file->units[i];
		_cleanup_free_ char *key = NULL;
		int err;

		if (asprintf(&key, "%s\n%s\n%s\n%s\n%u\n%llu", unit->detector, unit->class,
			    unit->run, unit->instance, unit->proc,
			    (unsigned long long)unit->seed) < 0) {
			key = NULL;
			return run_fail(error, -ENOMEM, "out of memory");
		}
		err = see(&seen, key);
		if (err == -EEXIST) {
			error->usage = true;
			return run_fail(error, err,
				"%s of %s (class %s, seed %llu): judged twice: give every file and "
				"run once",
				unit->instance, unit->run, unit->class,
				(unsigned long long)unit->seed);
		}
		if (err)
			return run_fail(error, err, "out of memory");
	}
	return 0;
}

int judged_load_all(
	char *const *paths, size_t count, struct judged_file *ret, struct run_error *error)
{
	for (size_t i = 0; i < count; i++) {
		int err = load_one(paths[i], ret, error);

		if (err)
			return err;
	}
	return check_unique(ret, error);
}

/* The detectors of a file, each once, as one text. */
static int list_detectors(const struct judged_file *file, char **ret, size_t *ret_count)
{
	_cleanup_(seen_done) struct seen *seen = NULL;
	_cleanup_free_ char *list = strdup("");
	size_t count = 0;

	for (size_t i = 0; i < file->units_count; i++) {
		const char *name = file->units[i].detector;
		char *longer;
		int err = see(&seen, name);

		if (err == -EEXIST)
			continue;
		if (err || !list || asprintf(&longer, "%s%s%s", list, count ? ", " : "", name) < 0)
			return -ENOMEM;
		free(list);
		list = longer;
		count++;
	}
	*ret = cleanup_steal_ptr(list);
	*ret_count = count;
	return 0;
}

static const char *find_detector(const struct judged_file *file, const char *name)
{
	for (size_t i = 0; i < file->units_count; i++)
		if (strcmp(file->units[i].detector, name) == 0)
			return file->units[i].detector;
	return NULL;
}

int judged_choose_detector(const struct judged_file *file, const char *wanted, const char **ret,
	struct run_error *error)
{
	_cleanup_free_ char *list = NULL;
	const char *found = find_detector(file, wanted ? wanted : OURS);
	size_t count = 0;

	if (list_detectors(file, &list, &count))
		return run_fail(error, -ENOMEM, "out of memory");
	if (!found && !wanted && count == 1)
		found = file->units[0].detector;
	if (found) {
		*ret = found;
		return 0;
	}
	error->usage = true;
	if (count == 0)
		return run_fail(error, -ENOENT, "no unit was judged: the files are empty");
	return run_fail(error, -ENOENT, "--detector=%s: must be one of those judged: %s",
		wanted ? wanted : "", list);
}
