/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units in a row of buckets of equal room, such as the pages in pipes. Nothing else. */
#ifndef LEAKLAB_GENERATORS_GEN_BUCKET_H
#define LEAKLAB_GENERATORS_GEN_BUCKET_H

#include <stdint.h>

#include "generators/gen_holder.h"

/* Puts @count units into (takes them out of) bucket @bucket. Returns 0 or a negative errno. */
typedef int (*gen_bucket_fn)(struct gen_hold *hold, uint64_t bucket, uint64_t count);

/* Calls @fn for each bucket that units @first to @first + @count lie in, until it fails. */
static inline int gen_bucket_each(
	struct gen_hold *hold, uint64_t room, uint64_t first, uint64_t count, gen_bucket_fn fn)
{
	int err = 0;

	while (count > 0 && !err) {
		uint64_t bucket = first / room;
		uint64_t here = (bucket + 1) * room - first;

		if (here > count)
			here = count;
		err = fn(hold, bucket, here);
		first += here;
		count -= here;
	}
	return err;
}

#endif
