// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose container a path is, and what it is called: the paths that the runtimes make, and trees of
 * their files, good and hostile.
 */
#include <errno.h>

#include "collector/cgroup/container.h"
#include "tests/unit/fixtures/tree.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "5f1c6f0e-9a4b-4d2e-8c3a-0123456789ab"
#define UID_SLICE "5f1c6f0e_9a4b_4d2e_8c3a_0123456789ab"
#define UNIT "/user.slice/user-1000.slice/user@1000.service"

static const struct {
	const char *path;
	enum container_runtime runtime;
	const char *pod;
} paths[] = {
	/* podman: cgroupfs and systemd, root and users, pods, --cgroup-parent, --cgroups=split */
	{ "/libpod_parent/libpod-" ID, CONTAINER_PODMAN, "" },
	{ "/libpod_parent/libpod-" ID "/inner/most", CONTAINER_PODMAN, "" },
	{ "/leaklab-7/libpod-" ID, CONTAINER_PODMAN, "" },
	{ "/machine.slice/libpod-" ID ".scope", CONTAINER_PODMAN, "" },
	{ "/machine.slice/libpod-" ID ".scope/container", CONTAINER_PODMAN, "" },
	{ UNIT "/user.slice/libpod-" ID ".scope", CONTAINER_PODMAN, "" },
	{ UNIT "/user.slice/libpod-" ID ".scope/container", CONTAINER_PODMAN, "" },
	{ "/libpod_parent/" POD "/libpod-" ID, CONTAINER_PODMAN, POD },
	{ "/libpod_parent/libpod_pod_" POD "/libpod-" ID, CONTAINER_PODMAN, POD },
	{ "/machine.slice/machine-libpod_pod_" POD ".slice/libpod-" ID ".scope", CONTAINER_PODMAN,
		POD },
	{ UNIT "/user.slice/user-libpod_pod_" POD ".slice/libpod-" ID ".scope", CONTAINER_PODMAN,
		POD },
	{ "/system.slice/web.service/libpod-payload-" ID, CONTAINER_PODMAN, "" },
	/* monitors are no containers */
	{ "/libpod_parent/libpod-conmon-" ID, CONTAINER_NONE, "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", CONTAINER_NONE, "" },
	{ "/libpod_parent/conmon", CONTAINER_NONE, "" },
	{ "/kubepods.slice/kubepods-pod" UID_SLICE ".slice/crio-conmon-" ID ".scope",
		CONTAINER_NONE, "" },
	/* docker */
	{ "/docker/" ID, CONTAINER_DOCKER, "" },
	{ "/system.slice/docker-" ID ".scope", CONTAINER_DOCKER, "" },
	{ "/system.slice/docker-" ID ".scope/init.scope", CONTAINER_DOCKER, "" },
	/* one in another is its outermost */
	{ "/docker/" ID "/docker/" POD, CONTAINER_DOCKER, "" },
	/* containerd */
	{ "/k8s.io/" ID, CONTAINER_CONTAINERD, "" },
	{ "/default/" ID, CONTAINER_CONTAINERD, "" },
	{ "/system.slice/nerdctl-" ID ".scope", CONTAINER_CONTAINERD, "" },
	/* Kubernetes */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SLICE
	  ".slice/cri-containerd-" ID ".scope",
		CONTAINER_CONTAINERD, UID },
	{ "/kubepods.slice/kubepods-pod" UID_SLICE ".slice/crio-" ID ".scope", CONTAINER_CRIO,
		UID },
	{ "/kubepods.slice/kubepods-pod" UID_SLICE ".slice/docker-" ID ".scope", CONTAINER_DOCKER,
		UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, CONTAINER_CONTAINERD, UID },
	{ "/kubepods/pod" UID "/crio-" ID, CONTAINER_CRIO, UID },
	/* kind: a kubelet in a container of its own */
	{ "/kubelet/kubepods/burstable/pod" UID "/" ID, CONTAINER_CONTAINERD, UID },
	{ "/kubelet.slice/kubelet-kubepods.slice", CONTAINER_NONE, "" },
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_SLICE
	  ".slice/cri-containerd-" ID ".scope",
		CONTAINER_CONTAINERD, UID },
	/* nobody's */
	{ "/", CONTAINER_NONE, "" },
	{ "", CONTAINER_NONE, "" },
	{ "/system.slice/ssh.service", CONTAINER_NONE, "" },
	{ "/libpod_parent", CONTAINER_NONE, "" },
	{ "/libpod-", CONTAINER_NONE, "" },
	{ "/libpod-XYZ", CONTAINER_NONE, "" },
	{ "/libpod-%s%n%n", CONTAINER_NONE, "" },
	{ "/libpod-" ID ID, CONTAINER_NONE, "" },
	{ "/docker/abc", CONTAINER_NONE, "" },
	{ "/" ID, CONTAINER_NONE, "" },
	{ "/kubepods/pod" UID, CONTAINER_NONE, "" },
	{ "//docker///" ID "//", CONTAINER_DOCKER, "" },
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct container_identity found;

		memset(&found, 0xaa, sizeof(found));
		container_of_path(paths[i].path, &found);
		if (found.runtime != paths[i].runtime)
			fail_msg("%s: %s", paths[i].path, container_runtime_name(found.runtime));
		assert_string_equal(found.name, "");
		assert_string_equal(found.id, found.runtime == CONTAINER_NONE ? "" : ID);
		assert_string_equal(found.pod, paths[i].pod);
	}
}

static int set_up(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	assert_non_null(tree);
	tree_open(tree);
	unsetenv("CONTAINERS_STORAGE_CONF");
	*state = tree;
	return 0;
}

static int tear_down(void **state)
{
	tree_close(*state);
	free(*state);
	return 0;
}

static int find(const struct tree *tree, const char *path, struct container_identity *ret)
{
	container_of_path(path, ret);
	return container_find_name(tree->root, path, ret);
}

static void expect_name(
	const struct tree *tree, const char *path, const char *name, const char *pod)
{
	struct container_identity found;

	assert_int_equal(find(tree, path, &found), 0);
	assert_string_equal(found.name, name);
	assert_string_equal(found.pod, pod);
}

static void expect_error(const struct tree *tree, const char *path, int err)
{
	struct container_identity before, found;

	container_of_path(path, &before);
	assert_int_equal(find(tree, path, &found), err);
	assert_memory_equal(&found, &before, sizeof(found));
}

#define STORAGE "var/lib/containers/storage/"
#define PODMAN_PATH "/libpod_parent/libpod-" ID

/* As podman 4.3 writes it, shortened. */
#define CONTAINERS(name)                                                                           \
	"[{\"id\":\"" POD "\",\"names\":[\"other\"],\"image\":\"x\",\"layer\":\"y\","              \
	"\"metadata\":\"{\\\"name\\\":\\\"other\\\"}\",\"flags\":{\"MountLabel\":\"\"}},"          \
	"{\"id\":\"" ID "\",\"names\":[\"" name "\"],\"created\":\"2026-11-21T00:00:00Z\"}]"

static void test_podman(void **state)
{
	struct tree *tree = *state;

	expect_error(tree, PODMAN_PATH, -ENOENT);
	tree_write(tree, STORAGE "overlay-containers/containers.json", CONTAINERS("web"));
	tree_write(tree, STORAGE "overlay/containers.json", CONTAINERS("wrong"));
	expect_name(tree, PODMAN_PATH, "web", "");
	expect_name(tree, "/machine.slice/libpod-" ID ".scope/container", "web", "");
	expect_name(tree, "/libpod_parent/" POD "/libpod-" ID, "web", POD);
}

static void test_podman_volatile(void **state)
{
	struct tree *tree = *state;

	tree_write(tree, STORAGE "vfs-containers/containers.json", "[]");
	tree_write(tree, STORAGE "vfs-containers/volatile-containers.json", CONTAINERS("short"));
	expect_name(tree, PODMAN_PATH, "short", "");
}

static void test_podman_graphroot(void **state)
{
	struct tree *tree = *state;
	char config[64];

	tree_write(tree, "etc/containers/storage.conf",
		"# graphroot = \"/wrong\"\n[storage]\n  driver = \"overlay\"\n"
		"  graphroot = \"/srv/pods\"\n");
	tree_write(tree, "srv/pods/overlay-containers/containers.json", CONTAINERS("moved"));
	tree_write(tree, "srv/mine/overlay-containers/containers.json", CONTAINERS("mine"));
	expect_name(tree, PODMAN_PATH, "moved", "");
	/* As podman itself, by the environment. */
	tree_write(tree, "my.conf", "[storage]\ngraphroot=\"/srv/mine\"\n");
	snprintf(config, sizeof(config), "%s/my.conf", tree->root);
	setenv("CONTAINERS_STORAGE_CONF", config, 1);
	expect_name(tree, PODMAN_PATH, "mine", "");
	unsetenv("CONTAINERS_STORAGE_CONF");
}

static void test_podman_of_users(void **state)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "ann:x:1000:1000::/home/ann:/bin/sh\n"
				     "broken line\n"
				     "bob:x:1001:1001::/home/bob:/bin/sh\n";
	struct tree *tree = *state;

	tree_write(tree, "etc/passwd", passwd);
	tree_write(tree, STORAGE "overlay-containers/containers.json", CONTAINERS("root's"));
	tree_write(tree,
		"home/ann/.local/share/containers/storage/overlay-containers/containers.json",
		CONTAINERS("ann's"));
	tree_write(tree, "home/bob/.config/containers/storage.conf", "graphroot = \"/scratch\"\n");
	tree_write(tree, "scratch/overlay-containers/containers.json", CONTAINERS("bob's"));
	expect_name(tree, UNIT "/user.slice/libpod-" ID ".scope", "ann's", "");
	expect_name(tree, "/user.slice/user-1001.slice/user@1001.service/libpod-" ID ".scope",
		"bob's", "");
	expect_error(tree, "/user.slice/user-7.slice/user@7.service/libpod-" ID ".scope", -ENOENT);
}

static void test_crio(void **state)
{
	static const char path[] =
		"/kubepods.slice/kubepods-pod" UID_SLICE ".slice/crio-" ID ".scope";
	struct tree *tree = *state;

	tree_write(tree, STORAGE "overlay-containers/containers.json",
		CONTAINERS("k8s_web_shop-1_default_" UID "_0"));
	expect_name(tree, path, "k8s_web_shop-1_default_" UID "_0", UID);
	tree_write(tree, STORAGE "overlay-containers/" ID "/userdata/config.json",
		"{\"annotations\":{\"io.kubernetes.pod.name\":\"shop-1\","
		"\"io.kubernetes.container.name\":\"web\"}}");
	expect_name(tree, path, "web", "shop-1");
}

static void test_docker(void **state)
{
	struct tree *tree = *state;

	tree_write(tree, "var/lib/docker/containers/" ID "/config.v2.json",
		"{\"Config\":{\"Labels\":{}},\"ID\":\"" ID "\",\"Name\":\"/db\"}");
	expect_name(tree, "/docker/" ID, "db", "");
	expect_name(tree, "/system.slice/docker-" ID ".scope", "db", "");
	tree_write(tree, "var/lib/docker/containers/" ID "/config.v2.json",
		"{\"Config\":{\"Labels\":{\"io.kubernetes.pod.name\":\"shop-1\","
		"\"io.kubernetes.container.name\":\"web\"}},\"Name\":\"/k8s_web_shop-1\"}");
	expect_name(tree, "/kubepods/pod" UID "/" ID, "web", "shop-1");
}

static void test_containerd(void **state)
{
	static const char path[] = "/kubepods/pod" UID "/" ID;
	static const char tasks[] =
		"run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID "/config.json";
	struct tree *tree = *state;

	tree_write(tree, tasks,
		"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.container-name\":\"web\","
		"\"io.kubernetes.cri.sandbox-name\":\"shop-1\"}}");
	expect_name(tree, path, "web", "shop-1");
	tree_write(tree, tasks,
		"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","
		"\"io.kubernetes.cri.sandbox-name\":\"shop-1\"}}");
	expect_name(tree, path, "POD", "shop-1");
	tree_write(tree, tasks, "{\"annotations\":{\"nerdctl/name\":\"hand-made\"}}");
	expect_name(tree, "/default/" ID, "hand-made", "");
	tree_write(tree, tasks, "{\"process\":{}}");
	expect_error(tree, path, -ENOENT);
}

/* Each file as a user, or a crash in mid-write, may leave it. */
static void test_hostile_files(void **state)
{
	static const char *const texts[] = {
		"\"" ID "\"",
		"{\"id\":\"" ID "\"}",
		"[{\"id\":\"" ID "\",\"names\":[\"cut",
		"[{\"id\":\"" ID "\"}]",
		"[{\"id\":\"" ID "\",\"names\":null}]",
		"[{\"id\":\"" ID "\",\"names\":[]}]",
		"[{\"id\":\"" ID "\",\"names\":[7]}]",
		"[{\"id\":\"" ID "\",\"names\":[\"\"]}]",
		"[{\"id\":\"" ID "\",\"names\":{\"0\":\"x\"}}]",
		"[{\"id\":7,\"names\":[\"x\"],\"x\":\"" ID "\"}]",
		"[null,[\"" ID "\"],3]",
		"[{\"id\":\"" ID "\",\"names\":[\"\xff\xfe\"]}]",
		ID,
		"",
	};
	struct tree *tree = *state;
	struct container_identity found;
	char *text;

	for (size_t i = 0; i < COUNT(texts); i++) {
		tree_write(tree, STORAGE "overlay-containers/containers.json", texts[i]);
		assert_true(find(tree, PODMAN_PATH, &found) < 0);
		assert_string_equal(found.name, "");
	}
	/* Deeper than any parser should follow, and longer than any name. */
	text = malloc(1 << 20);
	memset(text, '[', 1 << 20);
	memcpy(text, "[\"" ID "\",", 68);
	tree_write_bytes(tree, STORAGE "overlay-containers/containers.json", text, 1 << 20);
	expect_error(tree, PODMAN_PATH, -EBADMSG);
	memset(text, 'n', 1 << 20);
	memcpy(text, "[{\"id\":\"" ID "\",\"names\":[\"", 84);
	memcpy(text + (1 << 20) - 4, "\"]}]", 4);
	tree_write_bytes(tree, STORAGE "overlay-containers/containers.json", text, 1 << 20);
	assert_int_equal(find(tree, PODMAN_PATH, &found), 0);
	assert_int_equal(strlen(found.name), CONTAINER_NAME_SIZE - 1);
	free(text);
}

static void test_files_that_are_none(void **state)
{
	static const char file[] = STORAGE "overlay-containers/containers.json";
	struct tree *tree = *state;
	char path[128];

	tree_mkdir(tree, file);
	expect_error(tree, PODMAN_PATH, -EBADMSG);
	unlinkat(tree->fd, file, AT_REMOVEDIR);
	/* Nobody writes to it: to wait for that would be for ever. */
	snprintf(path, sizeof(path), "%s/%s", tree->root, file);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_error(tree, PODMAN_PATH, -EBADMSG);
	unlinkat(tree->fd, file, 0);
	assert_int_equal(symlinkat("/etc/passwd", tree->fd, file), 0);
	expect_error(tree, PODMAN_PATH, -ELOOP);
	unlinkat(tree->fd, file, 0);
	/* Larger than any that is read, though it takes no room on the disk. */
	tree_write(tree, file, "");
	assert_int_equal(truncate(path, 1LL << 40), 0);
	expect_error(tree, PODMAN_PATH, -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test_setup_teardown(test_podman, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_podman_volatile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_podman_graphroot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_podman_of_users, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_crio, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_docker, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_containerd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_that_are_none, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
