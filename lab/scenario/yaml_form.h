/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML files into structs by a schema of libcyaml, with its messages made into ours: file, line,
 * what is wrong and the mend.
 */
#ifndef LEAKLAB_LAB_SCENARIO_YAML_FORM_H
#define LEAKLAB_LAB_SCENARIO_YAML_FORM_H

#include <cyaml/cyaml.h>

struct problems;
struct yaml_lines;

struct yaml_form {
	const cyaml_schema_value_t *schema; /* of the whole file, a pointer to a struct */
	/* The fields of the innermost mapping around the value at @path ("workloads[0].memory"). */
	const cyaml_schema_field_t *(*fields_at)(const char *path);
	const char *choices; /* of its enumerations, for messages */
	const char *needs;   /* said of an empty file, after "empty; " */
};

/*
 * Reads @file. What is wrong with it is added to @problems. The caller releases @ret with
 * yaml_form_free() and @ret_lines with yaml_lines_done().
 * Returns 0, or -EINVAL when a problem was added.
 */
int yaml_form_load(const char *file, const struct yaml_form *form, struct problems *problems,
	struct yaml_lines *ret_lines, void **ret);
void yaml_form_free(const struct yaml_form *form, void *data);

#endif
