// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/problems.h"
#include "lab/programs.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"

#define SUFFIX ".yaml"

static bool has_suffix(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static void add_dir(struct scenario_dirs *dirs, const char *dir)
{
	char *path = realpath(dir, NULL);

	for (size_t i = 0; path && i < dirs->count; i++)
		if (strcmp(dirs->dirs[i], path) == 0) {
			free(path);
			return;
		}
	if (path)
		dirs->dirs[dirs->count++] = path;
}

int scenario_dirs_init(struct scenario_dirs *ret)
{
	char own[PATH_MAX], path[PATH_MAX + 64];
	int err = programs_own_dir(own, sizeof(own));

	if (err < 0)
		return err;
	*ret = (struct scenario_dirs){ 0 };
	snprintf(path, sizeof(path), "%s/../scenarios", own);
	add_dir(ret, path);
	add_dir(ret, "scenarios");
	snprintf(path, sizeof(path), "%s/../share/leaklab/scenarios", own);
	add_dir(ret, path);
	return 0;
}

void scenario_dirs_done(struct scenario_dirs *dirs)
{
	for (size_t i = 0; i < dirs->count; i++)
		free(dirs->dirs[i]);
	dirs->count = 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

struct list {
	char **paths;
	size_t count;
};

static int list_add(struct list *list, const char *dir, const char *name)
{
	char **grown;
	char *path;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(base_name(list->paths[i]), name) == 0)
			return 0;
	grown = reallocarray(list->paths, list->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->paths = grown;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	list->paths[list->count++] = path;
	return 0;
}

static int list_dir(struct list *list, const char *dir)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	const struct dirent *entry;
	int err = 0;

	if (!d)
		return -errno;
	while (err == 0 && (entry = readdir(d)))
		if (has_suffix(entry->d_name) && entry->d_name[0] != '.')
			err = list_add(list, dir, entry->d_name);
	return err;
}

static void list_done(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
}

int scenario_find_all(char ***ret_paths, size_t *ret_count)
{
	_cleanup_(scenario_dirs_done) struct scenario_dirs dirs = { 0 };
	struct list list = { 0 };
	int err = scenario_dirs_init(&dirs);

	for (size_t i = 0; err == 0 && i < dirs.count; i++)
		err = list_dir(&list, dirs.dirs[i]);
	if (err < 0) {
		list_done(&list);
		return err;
	}
	if (list.count)
		qsort(list.paths, list.count, sizeof(*list.paths), compare_names);
	*ret_paths = list.paths;
	*ret_count = list.count;
	return 0;
}

static int not_found(const char *name, const struct scenario_dirs *dirs, struct problems *problems)
{
	_cleanup_free_ char *text = NULL;
	struct list list = { 0 };
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return problems_add(problems, "%s: no such scenario", name);
	for (size_t i = 0; i < dirs->count; i++)
		list_dir(&list, dirs->dirs[i]);
	if (list.count)
		qsort(list.paths, list.count, sizeof(*list.paths), compare_names);
	for (size_t i = 0; i < list.count; i++) {
		const char *base = base_name(list.paths[i]);

		fprintf(out, "%s%.*s", i ? ", " : "", (int)(strlen(base) - strlen(SUFFIX)), base);
	}
	if (list.count == 0)
		fputs("none found; give the path of a .yaml file", out);
	fclose(out);
	list_done(&list);
	return problems_add(problems, "%s: no such scenario (there are: %s)", name, text);
}

int scenario_find(const char *name, struct problems *problems, char **ret_path)
{
	_cleanup_(scenario_dirs_done) struct scenario_dirs dirs = { 0 };
	char path[PATH_MAX];
	struct stat st;

	if (strchr(name, '/') || has_suffix(name)) {
		*ret_path = strdup(name);
		return *ret_path ? 0 : problems_add(problems, "%s: out of memory", name);
	}
	if (scenario_dirs_init(&dirs) < 0)
		return problems_add(problems, "%s: the scenarios cannot be looked up", name);
	for (size_t i = 0; i < dirs.count; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s" SUFFIX, dirs.dirs[i], name);

		if (n > 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0) {
			*ret_path = strdup(path);
			return *ret_path ? 0 : problems_add(problems, "%s: out of memory", name);
		}
	}
	return not_found(name, &dirs, problems);
}
