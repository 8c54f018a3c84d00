// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of containers, from the files of the runtimes. Those of rootless podman belong to users:
 * nothing in them is believed, they are read up to a bound, and only when they are plain files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cgroup/container.h"
#include "lib/cleanup.h"

/* containers.json has about a kilobyte for each container. */
#define FILE_BYTES_MAX (16U << 20)

static void cleanup_jsonp(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ _cleanup_(cleanup_jsonp)

/* The whole of a plain file, with a NUL behind. The caller frees. */
static int read_text(const char *path, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t len = 0;
	ssize_t n;

	/* A fifo in a home would otherwise make us wait for its owner. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOTDIR || errno == ENAMETOOLONG ? -ENOENT : -errno;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
		return -EBADMSG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	do {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n > 0 && len < (size_t)st.st_size);
	text[len] = '\0';
	*ret_text = cleanup_steal_ptr(text);
	*ret_len = len;
	return 0;
}

static int read_json(const char *path, const char *must_hold, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = read_text(path, &text, &len);

	if (err)
		return err;
	/* Most files do not have it: that is told without parsing them. */
	if (!memmem(text, len, must_hold, strlen(must_hold)))
		return -ENOENT;
	*ret = json_loadb(text, len, 0, NULL);
	return *ret ? 0 : -EBADMSG;
}

/* Returns whether there was a name to take. */
static bool take(char *buf, size_t size, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || !*text)
		return false;
	snprintf(buf, size, "%s", text);
	return true;
}

static void take_pod(struct container_identity *identity, const json_t *value)
{
	take(identity->pod, sizeof(identity->pod), value);
}

static bool take_name(struct container_identity *identity, const json_t *value)
{
	return take(identity->name, sizeof(identity->name), value);
}

/* Keeps the errno that says most: a name that exists but may not be read, over none. */
static int worse(int a, int b)
{
	return a == -ENOENT ? b : a;
}

/* containers/storage: podman and cri-o ----------------------------------------------------------
 */

static int search_storage_file(const char *path, struct container_identity *identity)
{
	_cleanup_json_ json_t *list = NULL;
	json_t *entry;
	size_t i;
	int err = read_json(path, identity->id, &list);

	if (err)
		return err;
	if (!json_is_array(list))
		return -EBADMSG;
	json_array_foreach (list, i, entry) {
		const char *id = json_string_value(json_object_get(entry, "id"));

		if (id && strcmp(id, identity->id) == 0)
			return take_name(
				       identity, json_array_get(json_object_get(entry, "names"), 0))
				       ? 0
				       : -ENOENT;
	}
	return -ENOENT;
}

/* What cri-o notes for its own use says more than the name in the storage. */
static void take_kubernetes_names(const char *dir, struct container_identity *identity)
{
	_cleanup_json_ json_t *config = NULL;
	char path[PATH_MAX];
	json_t *notes;

	if (snprintf(path, sizeof(path), "%s/%s/userdata/config.json", dir, identity->id) >=
			(int)sizeof(path) ||
		read_json(path, "annotations", &config))
		return;
	notes = json_object_get(config, "annotations");
	take_pod(identity, json_object_get(notes, "io.kubernetes.pod.name"));
	take_name(identity, json_object_get(notes, "io.kubernetes.container.name"));
}

/* One "<driver>-containers" of a storage. */
static int search_driver(const char *dir, struct container_identity *identity)
{
	/* The second has those of `podman run --rm` of newer versions. */
	static const char *const files[] = { "containers.json", "volatile-containers.json" };
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dir, files[i]) >= (int)sizeof(path))
			continue;
		err = worse(err, search_storage_file(path, identity));
		if (identity->name[0])
			break;
	}
	if (identity->runtime == CONTAINER_CRIO)
		take_kubernetes_names(dir, identity);
	return identity->name[0] ? 0 : err;
}

static int search_storage(const char *graphroot, struct container_identity *identity)
{
	static const char suffix[] = "-containers";
	_cleanup_closedir_ DIR *dir = opendir(graphroot);
	struct dirent *entry;
	int err = -ENOENT;

	if (!dir)
		return errno == ENOTDIR ? -ENOENT : -errno;
	while (!identity->name[0] && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		char path[PATH_MAX];

		if (len < sizeof(suffix) ||
			strcmp(entry->d_name + len - (sizeof(suffix) - 1), suffix) != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", graphroot, entry->d_name) <
			(int)sizeof(path))
			err = worse(err, search_driver(path, identity));
	}
	return identity->name[0] ? 0 : err;
}

/* `graphroot = "..."` of a storage.conf, the only one of its keys that matters here. */
static bool read_graphroot(const char *path, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *at, *end;
	size_t len;

	if (read_text(path, &text, &len))
		return false;
	for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		char value[PATH_MAX];

		if (sscanf(line, " graphroot = \"%4095[^\"]\"", value) != 1)
			continue;
		end = value + strlen(value);
		return value[0] == '/' && (size_t)(end - value) < size && strcpy(buf, value);
	}
	return false;
}

static int search_root_storage(const char *root, struct container_identity *identity)
{
	static const char *const configs[] = { "/etc/containers/storage.conf",
		"/usr/share/containers/storage.conf" };
	const char *config = getenv("CONTAINERS_STORAGE_CONF");
	char path[PATH_MAX], graphroot[PATH_MAX] = "/var/lib/containers/storage";

	if (!config || !read_graphroot(config, graphroot, sizeof(graphroot))) {
		for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
			snprintf(path, sizeof(path), "%s%s", root, configs[i]);
			if (read_graphroot(path, graphroot, sizeof(graphroot)))
				break;
		}
	}
	if (snprintf(path, sizeof(path), "%s%s", root, graphroot) >= (int)sizeof(path))
		return -ENOENT;
	return search_storage(path, identity);
}

/* Whose session a path lies in: ".../user@1000.service/...". False: nobody's. */
static bool user_of_path(const char *path, unsigned int *ret_uid)
{
	const char *at = strstr(path, "/user@");

	return at && sscanf(at, "/user@%u.service", ret_uid) == 1;
}

static bool home_of_user(const char *root, unsigned int uid, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], text[4096];
	struct passwd entry, *found;

	snprintf(path, sizeof(path), "%s/etc/passwd", root);
	f = fopen(path, "re");
	while (f && fgetpwent_r(f, &entry, text, sizeof(text), &found) == 0)
		if (entry.pw_uid == uid)
			return snprintf(buf, size, "%s%s", root, entry.pw_dir) < (int)size;
	return false;
}

static int search_user_storage(
	const char *root, unsigned int uid, struct container_identity *identity)
{
	char home[PATH_MAX], path[PATH_MAX], graphroot[PATH_MAX];

	if (!home_of_user(root, uid, home, sizeof(home)))
		return -ENOENT;
	if (snprintf(path, sizeof(path), "%s/.config/containers/storage.conf", home) <
			(int)sizeof(path) &&
		read_graphroot(path, graphroot, sizeof(graphroot))) {
		if (snprintf(path, sizeof(path), "%s%s", root, graphroot) >= (int)sizeof(path))
			return -ENOENT;
	} else if (snprintf(path, sizeof(path), "%s/.local/share/containers/storage", home) >=
		   (int)sizeof(path)) {
		return -ENOENT;
	}
	return search_storage(path, identity);
}

/* Docker and containerd -------------------------------------------------------------------- */

static int search_docker(const char *root, struct container_identity *identity)
{
	_cleanup_json_ json_t *config = NULL;
	json_t *labels;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root,
		identity->id);
	err = read_json(path, "Name", &config);
	if (err)
		return err;
	labels = json_object_get(json_object_get(config, "Config"), "Labels");
	take_pod(identity, json_object_get(labels, "io.kubernetes.pod.name"));
	if (!take_name(identity, json_object_get(labels, "io.kubernetes.container.name")) &&
		!take_name(identity, json_object_get(config, "Name")))
		return -ENOENT;
	/* Docker keeps its names with a slash in front. */
	if (identity->name[0] == '/')
		memmove(identity->name, identity->name + 1, strlen(identity->name));
	identity->runtime = CONTAINER_DOCKER;
	return 0;
}

static int search_bundle(const char *path, struct container_identity *identity)
{
	_cleanup_json_ json_t *config = NULL;
	const char *kind;
	json_t *notes;
	int err = read_json(path, "annotations", &config);

	if (err)
		return err;
	notes = json_object_get(config, "annotations");
	take_pod(identity, json_object_get(notes, "io.kubernetes.cri.sandbox-name"));
	if (take_name(identity, json_object_get(notes, "io.kubernetes.cri.container-name")) ||
		take_name(identity, json_object_get(notes, "nerdctl/name")))
		return 0;
	kind = json_string_value(json_object_get(notes, "io.kubernetes.cri.container-type"));
	if (!kind || strcmp(kind, "sandbox") != 0)
		return -ENOENT;
	/* The one that holds the pod's namespaces; Kubernetes calls it so. */
	strcpy(identity->name, "POD");
	return 0;
}

static int search_containerd(const char *root, struct container_identity *identity)
{
	char top[PATH_MAX], path[PATH_MAX];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int err = -ENOENT;

	snprintf(top, sizeof(top), "%s/run/containerd/io.containerd.runtime.v2.task", root);
	dir = opendir(top);
	if (!dir)
		return -errno;
	while (!identity->name[0] && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
			snprintf(path, sizeof(path), "%s/%s/%s/config.json", top, entry->d_name,
				identity->id) >= (int)sizeof(path))
			continue;
		err = worse(err, search_bundle(path, identity));
	}
	return identity->name[0] ? 0 : err;
}

int container_find_name(const char *root, const char *path, struct container_identity *identity)
{
	struct container_identity found = *identity;
	unsigned int uid;
	int err = -ENOENT;

	switch (found.runtime) {
	case CONTAINER_PODMAN:
		err = user_of_path(path, &uid) ? search_user_storage(root, uid, &found)
					       : search_root_storage(root, &found);
		break;
	case CONTAINER_CRIO:
		err = search_root_storage(root, &found);
		break;
	case CONTAINER_DOCKER:
		err = search_docker(root, &found);
		break;
	case CONTAINER_CONTAINERD:
		err = search_containerd(root, &found);
		if (err == -ENOENT)
			err = search_docker(root, &found);
		break;
	case CONTAINER_NONE:
		break;
	}
	if (!err)
		*identity = found;
	return err;
}
