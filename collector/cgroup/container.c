// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose container a path is, by the forms that the runtimes give their cgroups. */
#include "collector/cgroup/container.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HEX "0123456789abcdef"
/* What runtimes make; shorter ones are made by hand. */
#define ID_LEN 64
#define ID_LEN_MIN 12

/* One part of a path. */
struct part {
	const char *text;
	size_t len;
};

/* Cgroup names of one container; systemd puts ".scope" behind. */
static const struct form {
	const char *prefix;
	enum container_runtime runtime;
} forms[] = {
	/* Of the monitor, which is no container; before what they begin with. */
	{ "libpod-conmon-", CONTAINER_NONE },
	{ "crio-conmon-", CONTAINER_NONE },
	{ "libpod-payload-", CONTAINER_PODMAN }, /* --cgroups=split */
	{ "libpod-", CONTAINER_PODMAN },
	{ "docker-", CONTAINER_DOCKER },
	{ "cri-containerd-", CONTAINER_CONTAINERD },
	{ "nerdctl-", CONTAINER_CONTAINERD },
	{ "crio-", CONTAINER_CRIO },
};

/* Folders in which the containers' cgroups are called by their bare ids. */
static const struct form folders[] = {
	{ "docker", CONTAINER_DOCKER },
	{ "k8s.io", CONTAINER_CONTAINERD },
	{ "default", CONTAINER_CONTAINERD },
};

const char *container_runtime_name(enum container_runtime runtime)
{
	static const char *const names[] = { "none", "podman", "docker", "containerd", "cri-o" };

	return names[runtime];
}

static bool starts_with(struct part part, const char *prefix)
{
	size_t len = strlen(prefix);

	return part.len >= len && memcmp(part.text, prefix, len) == 0;
}

static bool is_text(struct part part, const char *text)
{
	return part.len == strlen(text) && memcmp(part.text, text, part.len) == 0;
}

static struct part skip(struct part part, size_t len)
{
	return (struct part){ part.text + len, part.len - len };
}

static struct part without_suffix(struct part part, const char *suffix)
{
	size_t len = strlen(suffix);

	if (part.len >= len && memcmp(part.text + part.len - len, suffix, len) == 0)
		part.len -= len;
	return part;
}

static bool is_hex(struct part part, size_t min, size_t max)
{
	return part.len >= min && part.len <= max && strspn(part.text, HEX) >= part.len;
}

static void copy(char *buf, size_t size, struct part part)
{
	snprintf(buf, size, "%.*s", (int)part.len, part.text);
}

/* Position behind the last @text in @part, or NULL. */
static const char *behind_last(struct part part, const char *text)
{
	size_t len = strlen(text);

	for (size_t at = part.len + 1; at-- > len;)
		if (memcmp(part.text + at - len, text, len) == 0)
			return part.text + at;
	return NULL;
}

/* The uid of a Kubernetes pod, where a systemd slice has '_' for '-'. */
static void note_kubernetes_pod(struct part part, struct container_identity *ret)
{
	struct part uid = without_suffix(part, ".slice");
	const char *behind;

	if (starts_with(part, "pod")) {
		uid = skip(uid, 3);
	} else {
		behind = behind_last(uid, "-pod");
		if (!behind)
			return;
		uid = skip(uid, (size_t)(behind - uid.text));
	}
	if (uid.len == 0 || uid.len >= sizeof(ret->pod) || strspn(uid.text, HEX "-_") < uid.len)
		return;
	copy(ret->pod, sizeof(ret->pod), uid);
	for (char *c = ret->pod; *c; c++)
		if (*c == '_')
			*c = '-';
}

/* The id of a podman pod: "<parent>-libpod_pod_<id>.slice", or bare before its containers. */
static void note_podman_pod(struct part part, struct container_identity *ret)
{
	const char *behind = behind_last(part, "libpod_pod_");
	struct part id = without_suffix(part, ".slice");

	if (behind)
		id = skip(id, (size_t)(behind - id.text));
	if (is_hex(id, ID_LEN, ID_LEN))
		copy(ret->pod, sizeof(ret->pod), id);
}

/* Whether @part is a container's own cgroup, or a monitor's (then of no runtime). */
static bool match(
	struct part part, struct part before, bool in_kubepods, struct container_identity *ret)
{
	struct part id = without_suffix(part, ".scope");

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct part rest;

		if (!starts_with(id, forms[i].prefix))
			continue;
		rest = skip(id, strlen(forms[i].prefix));
		if (!is_hex(rest, ID_LEN_MIN, ID_LEN))
			continue;
		ret->runtime = forms[i].runtime;
		copy(ret->id, sizeof(ret->id), rest);
		return true;
	}
	if (!is_hex(part, ID_LEN, ID_LEN))
		return false;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (is_text(before, folders[i].prefix))
			ret->runtime = folders[i].runtime;
	/* With the cgroupfs driver Kubernetes tells no runtime; docker's files will tell theirs. */
	if (in_kubepods)
		ret->runtime = CONTAINER_CONTAINERD;
	copy(ret->id, sizeof(ret->id), part);
	return ret->runtime != CONTAINER_NONE;
}

void container_of_path(const char *path, struct container_identity *ret)
{
	struct container_identity found = { .runtime = CONTAINER_NONE };
	struct part before = { "", 0 };
	bool in_kubepods = false;

	/* The outermost container: what is inside of it, its own runtime alone knows. */
	while (*path) {
		struct part part = { path, strcspn(path, "/") };

		path += part.len;
		path += *path == '/';
		if (part.len == 0)
			continue;
		if (match(part, before, in_kubepods, &found)) {
			if (found.runtime == CONTAINER_PODMAN)
				note_podman_pod(before, &found);
			break;
		}
		found.runtime = CONTAINER_NONE;
		/* Also "kubelet-kubepods-...", where the kubelet runs in a container itself. */
		in_kubepods |= behind_last(part, "kubepods") != NULL;
		if (in_kubepods)
			note_kubernetes_pod(part, &found);
		before = part;
	}
	if (found.runtime == CONTAINER_NONE)
		memset(&found, 0, sizeof(found));
	*ret = found;
}
