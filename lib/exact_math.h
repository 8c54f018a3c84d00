/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exp and log that give the same bits on every machine. The C library chooses among variants of
 * them by the CPU it runs on (glibc: with and without FMA), which differ in the last bit; enough
 * to make two machines disagree about a detection. These are made of the operations that IEEE 754
 * rounds correctly, and nothing else: + - * /, and scaling by powers of two.
 *
 * What leads to a detection may use these, and of libm only what is exact: sqrt, fabs, floor, ceil,
 * trunc, llround, fmin, fmax, ldexp, frexp. tests/golden/replay.bats checks that.
 */
#ifndef LEAKLAB_LIB_EXACT_MATH_H
#define LEAKLAB_LIB_EXACT_MATH_H

/*
 * Within 1 ulp of e^@x (fdlibm 5.3, e_exp.c: reduction to |r| <= ln(2)/2, then a rational function
 * by Remes' algorithm). INFINITY above 709.78, 0 below -745.13, NAN of NAN.
 */
double exact_exp(double x);

/*
 * Within 1 ulp of the natural logarithm of @x (fdlibm 5.3, e_log.c: a polynomial in (f / (2 + f))^2
 * for 1 + f between sqrt(1/2) and sqrt(2)). -INFINITY of 0, NAN below 0 and of NAN.
 */
double exact_log(double x);

#endif
