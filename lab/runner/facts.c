// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/facts.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/runner/checks.h"
#include "lib/cleanup.h"

/* The setting in brackets: "always [madvise] never". */
static json_t *thp(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[128], value[32];
	const char *open;

	if (!f || !fgets(line, sizeof(line), f))
		return json_null();
	open = strchr(line, '[');
	if (!open || sscanf(open, "[%31[^]]]", value) != 1)
		return json_null();
	return json_string(value);
}

/* The library that memgrowth is linked with; leaklab itself has no use for it. */
static json_t *libbpf_version(void)
{
	const char *(*version)(void);
	void *library = dlopen("libbpf.so.1", RTLD_LAZY | RTLD_LOCAL);
	json_t *ret = json_null();

	if (!library)
		return ret;
	*(void **)&version = dlsym(library, "libbpf_version_string");
	if (version)
		ret = json_string(version());
	dlclose(library);
	return ret;
}

/* The first line of the string at @path ("host.conmon.version") in @root, or null. */
static json_t *first_line_of(const json_t *root, const char *a, const char *b, const char *c)
{
	const json_t *at = json_object_get(json_object_get(root, a), b);
	const char *text = json_string_value(c ? json_object_get(at, c) : at);

	if (!text)
		return json_null();
	return json_stringn(text, strcspn(text, "\n"));
}

static void add_podman(json_t *facts, const struct lab_host *host)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_problems_ struct problems ignored = { 0 };
	_cleanup_args_ struct args args = { 0 };
	json_t *info = NULL;

	podman_args(&host->podman, &args, "info", "--format=json", NULL);
	if (podman_run(&args, NULL, "info", &ignored, &output) == 0)
		info = json_loads(output.out, 0, NULL);
	json_object_set_new(facts, "podman", first_line_of(info, "version", "Version", NULL));
	json_object_set_new(facts, "runtime", first_line_of(info, "host", "ociRuntime", "version"));
	json_object_set_new(facts, "conmon", first_line_of(info, "host", "conmon", "version"));
	json_decref(info);
}

json_t *facts_of_host(const struct lab_host *host)
{
	json_t *facts = json_object();
	struct sysinfo memory = { 0 };
	struct utsname name = { 0 };

	uname(&name);
	sysinfo(&memory);
	json_object_set_new(facts, "kernel", json_string(name.release));
	json_object_set_new(facts, "arch", json_string(name.machine));
	json_object_set_new(facts, "cgroup_mode", json_string(cgroup_mode_name(host->cgroup.mode)));
	json_object_set_new(facts, "page_bytes", json_integer(sysconf(_SC_PAGESIZE)));
	json_object_set_new(facts, "ram_bytes", json_integer((json_int_t)host->cgroup.ram_bytes));
	json_object_set_new(
		facts, "swap_bytes", json_integer((json_int_t)memory.totalswap * memory.mem_unit));
	json_object_set_new(facts, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(facts, "thp", thp());
	add_podman(facts, host);
	json_object_set_new(facts, "libbpf", libbpf_version());
	return facts;
}
