// SPDX-License-Identifier: GPL-2.0-or-later
/* Kubernetes files: quantities, kinds, and what is wrong with a file. */
#include <errno.h>

#include "lab/limits/pod_file.h"
#include "lab/problems.h"
#include "tests/unit/fixtures/tree.h"

static void test_quantity(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "67108864", 67108864 },
		{ "+1Ki", 1024 },
		{ "64Mi", 67108864 },
		{ "1.5Gi", 1610612736 },
		{ ".5Ki", 512 },
		{ "128M", 128000000 },
		{ "1k", 1000 },
		{ "129e6", 129000000 },
		{ "1E3", 1000 },
		{ "1E", 1000000000000000000 },
		{ "134217728000m", 134217728 },
		{ "1m", 1 }, /* rounded up */
		{ "2Ti", 2199023255552 },
	};
	static const char *const bad[] = { "", "Mi", "-1Mi", "64MB", "64 Mi", "0x10", "inf", "nan",
		"64mi", "1e", "1..5", "64Mi ", "." };
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(pod_quantity(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pod_quantity(bad[i], &bytes), -EINVAL);
	assert_int_equal(pod_quantity("8Ei", &bytes), -ERANGE);
	assert_int_equal(pod_quantity("1e400", &bytes), -ERANGE);
}

static int load(const char *text, struct problems *problems, struct pod_file *ret)
{
	char path[TREE_ROOT_SIZE + 16];
	struct tree tree;
	int err;

	tree_open(&tree);
	tree_write(&tree, "pod.yaml", text);
	snprintf(path, sizeof(path), "%s/pod.yaml", tree.root);
	err = pod_file_load(path, problems, ret);
	tree_close(&tree);
	return err;
}

static void test_good(void **state)
{
	struct problems problems = { 0 };
	struct pod_file file = { 0 };

	(void)state;
	assert_int_equal(
		load("kind: Service\nspec: {ports: [1]}\n---\n---\n"
		     "kind: Pod\nspec:\n  initContainers:\n  - {name: first}\n  containers:\n"
		     "  - name: a\n    resources: {limits: {memory: 64Mi, cpu: 1},"
		     " requests: {memory: 1000000}}\n"
		     "  - {name: b, resources: ~}\n  - {name: c, resources: {limits: {memory: "
		     "}}}\n---\n"
		     "kind: Deployment\nspec: {template: {spec: {containers: [{name: d, resources: "
		     "&r {limits: {memory: 1Gi}}}, {name: e, resources: *r}]}}}\n",
			&problems, &file),
		0);
	assert_int_equal(file.count, 6);
	assert_string_equal(file.containers[0].name, "first");
	assert_null(file.containers[0].limit_text);
	assert_string_equal(file.containers[1].limit_text, "64Mi");
	assert_int_equal(file.containers[1].limit_bytes, 64 << 20);
	assert_int_equal(file.containers[1].request_bytes, 1000000);
	assert_int_equal(file.containers[3].limit_bytes, 0);
	assert_int_equal(file.containers[5].limit_bytes, 1 << 30);
	pod_file_done(&file);
	problems_done(&problems);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "no Pod or Deployment in it" },
		{ "kind: [\n", "not YAML" },
		{ "\xff\xfe\n", "not YAML" },
		{ "- 1\n", ":1: not a Kubernetes object" },
		{ "kind: Job\n", "only Job" },
		{ "kind: Pod\n", "no containers in it" },
		{ "kind: Pod\nspec: {containers: 3}\n", ":2: containers: not a list" },
		{ "kind: Pod\nspec: {containers: [3]}\n", "a container is a mapping" },
		{ "kind: Pod\nspec: {containers: [{image: x}]}\n", "a container without name" },
		{ "kind: Pod\nspec: {containers: [{name: a, resources: 5}]}\n",
			"resources: not a mapping" },
		{ "kind: Pod\nspec: {containers: [{name: a, resources: {limits: [1]}}]}\n",
			"are mappings" },
		{ "kind: Pod\nspec: {containers: [{name: a, resources: {limits: {memory: []}}}]}\n",
			"not a Kubernetes quantity" },
		{ "kind: Pod\nspec:\n  containers:\n  - name: a\n    resources:\n      limits:\n"
		  "        memory: -5Mi\n",
			":7: memory: \"-5Mi\"" },
		/* A list that holds itself. */
		{ "kind: Pod\nspec: {containers: &c [*c]}\n", "a container is a mapping" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problems problems = { 0 };
		struct pod_file file = { 0 };

		assert_int_equal(load(bad[i].text, &problems, &file), -EBADMSG);
		assert_int_equal(problems.count, 1);
		assert_non_null(strstr(problems.texts[0], bad[i].says));
		assert_int_equal(file.count, 0);
		problems_done(&problems);
	}
}

static void test_too_many(void **state)
{
	char text[POD_CONTAINERS_MAX * 16 + 128] = "kind: Pod\nspec:\n  containers:\n";
	struct problems problems = { 0 };
	struct pod_file file = { 0 };

	(void)state;
	for (int i = 0; i <= POD_CONTAINERS_MAX; i++)
		strcat(text, "  - {name: a}\n");
	assert_int_equal(load(text, &problems, &file), -EBADMSG);
	assert_non_null(strstr(problems.texts[0], "more than 64 containers"));
	problems_done(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantity),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
