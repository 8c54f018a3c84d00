/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEAKLAB_TESTS_FUZZ_MUST_H
#define LEAKLAB_TESTS_FUZZ_MUST_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What holds whatever the input; libFuzzer reports the abort with the input. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
