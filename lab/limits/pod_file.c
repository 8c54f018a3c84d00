// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/pod_file.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lab/problems.h"
#include "lib/cleanup.h"

static const struct {
	const char *suffix;
	long double factor;
} suffixes[] = {
	{ "", 1 },
	{ "n", 1e-9L },
	{ "u", 1e-6L },
	{ "m", 1e-3L },
	{ "k", 1e3L },
	{ "M", 1e6L },
	{ "G", 1e9L },
	{ "T", 1e12L },
	{ "P", 1e15L },
	{ "E", 1e18L },
	{ "Ki", 0x1p10L },
	{ "Mi", 0x1p20L },
	{ "Gi", 0x1p30L },
	{ "Ti", 0x1p40L },
	{ "Pi", 0x1p50L },
	{ "Ei", 0x1p60L },
};

/* strtold() also takes hexadecimal, "inf" and "nan". */
static const char *number_end(const char *text)
{
	const char *at = text + (*text == '+');
	size_t digits = strspn(at, "0123456789"), more = 0;

	at += digits;
	if (*at == '.') {
		more = strspn(at + 1, "0123456789");
		at += 1 + more;
	}
	if (digits + more == 0)
		return NULL;
	/* "1E" is one Exa, "1E3" a thousand. */
	if (*at == 'e' || *at == 'E') {
		const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');
		size_t len = strspn(exponent, "0123456789");

		if (len)
			at = exponent + len;
	}
	return at;
}

int pod_quantity(const char *text, uint64_t *ret_bytes)
{
	const char *end = number_end(text);
	_cleanup_free_ char *number = end ? strndup(text, (size_t)(end - text)) : NULL;

	if (!number)
		return end ? -ENOMEM : -EINVAL;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		long double value;

		if (strcmp(end, suffixes[i].suffix) != 0)
			continue;
		value = ceill(strtold(number, NULL) * suffixes[i].factor);
		if (!(value < (long double)INT64_MAX))
			return -ERANGE;
		*ret_bytes = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

/* Where in which file something is wrong. */
struct reader {
	const char *path;
	struct problems *problems;
	struct pod_file *file;
	yaml_document_t *doc;
	size_t pods;	/* Pods and Deployments seen */
	char other[64]; /* a kind that was passed over; "" when none */
};

static int bad(struct reader *reader, const yaml_node_t *node, const char *what)
{
	problems_add(reader->problems, "%s:%zu: %s", reader->path,
		node ? node->start_mark.line + 1 : 1, what);
	return -EBADMSG;
}

static const char *scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
						      : NULL;
}

/* The value of @key in the mapping @node, or NULL. */
static yaml_node_t *get(struct reader *reader, const yaml_node_t *node, const char *key)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		const char *name = scalar(yaml_document_get_node(reader->doc, pair->key));

		if (name && strcmp(name, key) == 0)
			return yaml_document_get_node(reader->doc, pair->value);
	}
	return NULL;
}

/* "~", "null" and nothing at all are null when they are not quoted. */
static bool is_null(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return !node ||
	       (text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0));
}

/* resources.@which.memory, when there is one. */
static int read_quantity(struct reader *reader, const yaml_node_t *container, const char *which,
	char **ret_text, uint64_t *ret_bytes)
{
	const yaml_node_t *resources = get(reader, container, "resources");
	const yaml_node_t *list = get(reader, resources, which), *node;
	const char *text;
	char what[256];

	if (!is_null(resources) && resources->type != YAML_MAPPING_NODE)
		return bad(reader, resources, "resources: not a mapping");
	if (!is_null(list) && list->type != YAML_MAPPING_NODE)
		return bad(reader, list, "limits and requests are mappings");
	node = get(reader, list, "memory");
	if (is_null(node))
		return 0;
	text = scalar(node);
	if (!text || pod_quantity(text, ret_bytes) < 0) {
		snprintf(what, sizeof(what),
			"memory: \"%.100s\": not a Kubernetes quantity (examples: 64Mi, 512M, 1Gi)",
			text ? text : "");
		return bad(reader, node, what);
	}
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static int read_container(struct reader *reader, const yaml_node_t *node)
{
	struct pod_file *file = reader->file;
	const yaml_node_t *name = get(reader, node, "name");
	struct pod_container *grown, *c;
	int err;

	if (!node || node->type != YAML_MAPPING_NODE)
		return bad(reader, node, "a container is a mapping with a name");
	if (!scalar(name) || is_null(name) || !*scalar(name))
		return bad(reader, node, "a container without name");
	if (file->count == POD_CONTAINERS_MAX)
		return bad(reader, node, "more than 64 containers; split the file");
	grown = reallocarray(file->containers, file->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	file->containers = grown;
	c = &grown[file->count++];
	*c = (struct pod_container){ .name = strdup(scalar(name)) };
	if (!c->name)
		return -ENOMEM;
	err = read_quantity(reader, node, "limits", &c->limit_text, &c->limit_bytes);
	if (err == 0)
		err = read_quantity(reader, node, "requests", &c->request_text, &c->request_bytes);
	return err;
}

static int read_containers(struct reader *reader, const yaml_node_t *list)
{
	int err = 0;

	if (is_null(list))
		return 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return bad(reader, list, "containers: not a list");
	for (yaml_node_item_t *item = list->data.sequence.items.start;
		err == 0 && item < list->data.sequence.items.top; item++)
		err = read_container(reader, yaml_document_get_node(reader->doc, *item));
	return err;
}

static int read_document(struct reader *reader)
{
	const yaml_node_t *root = yaml_document_get_root_node(reader->doc), *spec;
	const char *kind = scalar(get(reader, root, "kind"));
	size_t before = reader->file->count;
	int err;

	if (is_null(root))
		return 0;
	if (!kind)
		return bad(reader, root, "not a Kubernetes object: it has no kind");
	spec = get(reader, root, "spec");
	if (strcmp(kind, "Deployment") == 0) {
		spec = get(reader, get(reader, spec, "template"), "spec");
	} else if (strcmp(kind, "Pod") != 0) {
		snprintf(reader->other, sizeof(reader->other), "%s", kind);
		return 0;
	}
	reader->pods++;
	err = read_containers(reader, get(reader, spec, "initContainers"));
	if (err == 0)
		err = read_containers(reader, get(reader, spec, "containers"));
	if (err == 0 && reader->file->count == before)
		return bad(reader, root, "no containers in it");
	return err;
}

static int parse(struct reader *reader, yaml_parser_t *parser)
{
	bool more = true;
	int err = 0;

	while (err == 0 && more) {
		yaml_document_t doc;

		if (!yaml_parser_load(parser, &doc)) {
			problems_add(reader->problems, "%s:%zu: not YAML: %s", reader->path,
				parser->problem_mark.line + 1,
				parser->problem ? parser->problem : "cannot be read");
			return -EBADMSG;
		}
		reader->doc = &doc;
		more = yaml_document_get_root_node(&doc) != NULL;
		if (more)
			err = read_document(reader);
		yaml_document_delete(&doc);
	}
	return err;
}

/* What would do instead, when there is nothing in the file that podman takes. */
static int check_pods(const struct reader *reader)
{
	if (reader->pods)
		return 0;
	if (*reader->other)
		problems_add(reader->problems,
			"%s: no Pod or Deployment in it, only %s, which `podman kube play` does "
			"not take; put its Pod template into a Pod",
			reader->path, reader->other);
	else
		problems_add(reader->problems, "%s: no Pod or Deployment in it", reader->path);
	return -EBADMSG;
}

int pod_file_load(const char *path, struct problems *problems, struct pod_file *ret)
{
	_cleanup_pod_file_ struct pod_file file = { 0 };
	struct reader reader = { .path = path, .problems = problems, .file = &file };
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	yaml_parser_t parser;
	int err;

	if (!f) {
		problems_add(problems, "%s: %s", path, strerror(errno));
		return -EBADMSG;
	}
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, f);
	err = parse(&reader, &parser);
	yaml_parser_delete(&parser);
	if (err == 0)
		err = check_pods(&reader);
	if (err < 0)
		return err;
	*ret = file;
	file = (struct pod_file){ 0 };
	return 0;
}

void pod_file_done(struct pod_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		free(file->containers[i].name);
		free(file->containers[i].limit_text);
		free(file->containers[i].request_text);
	}
	free(file->containers);
	*file = (struct pod_file){ 0 };
}
