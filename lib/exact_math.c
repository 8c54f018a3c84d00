// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The coefficients are those of fdlibm 5.3, Copyright (C) 1993 by Sun Microsystems, Inc.:
 * "Permission to use, copy, modify, and distribute this software is freely granted, provided that
 * this notice is preserved."
 */
#include "lib/exact_math.h"

#include <float.h>
#include <math.h>

#ifdef __FAST_MATH__
#error "-ffast-math makes detections depend on the compiler; build without it"
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles (on i386: -msse2 "
				     "-mfpmath=sse)");

/* ln(2) in two parts; the first has 32 zeros at its end, so that small multiples are exact. */
#define LN2_HI 6.93147180369123816490e-01
#define LN2_LO 1.90821492927058770002e-10
#define INV_LN2 1.44269504088896338700e+00

#define EXP_MAX 7.09782712893383973096e+02
#define EXP_MIN -7.45133219101941108420e+02

double exact_exp(double x)
{
	double hi, lo, r, square, c;
	int k;

	if (isnan(x))
		return x;
	if (x > EXP_MAX)
		return INFINITY;
	if (x < EXP_MIN)
		return 0;
	k = (int)(INV_LN2 * x + (x < 0 ? -0.5 : 0.5));
	hi = x - k * LN2_HI;
	lo = k * LN2_LO;
	r = hi - lo;
	square = r * r;
	c = r -
	    square *
		    (1.66666666666666019037e-01 +
			    square *
				    (-2.77777777770155933842e-03 +
					    square *
						    (6.61375632143793436117e-05 +
							    square *
								    (-1.65339022054652515390e-06 +
									    square *
										    4.13813679705723846039e-08))));
	return ldexp(1 - ((lo - r * c / (2 - c)) - hi), k);
}

double exact_log(double x)
{
	double f, s, z, w, odd, even, half_square;
	int k;

	if (isnan(x) || x < 0)
		return NAN;
	if (x == 0)
		return -INFINITY;
	if (isinf(x))
		return x;
	f = frexp(x, &k);
	if (f < M_SQRT1_2) {
		f *= 2;
		k--;
	}
	f -= 1;
	s = f / (2 + f);
	z = s * s;
	w = z * z;
	even = w * (3.999999999940941908e-01 +
			   w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
	odd = z *
	      (6.666666666666735130e-01 +
		      w * (2.857142874366239149e-01 +
				  w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
	half_square = 0.5 * f * f;
	return k * LN2_HI - ((half_square - (s * (half_square + even + odd) + k * LN2_LO)) - f);
}
