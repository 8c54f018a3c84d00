// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/formula.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_TO_S 1e-9
#define WORD_MAX 63
#define DEPTH_MAX 32

struct parser {
	const char *at;
	const struct formula_name *names;
	size_t count;
	unsigned int depth;
	int err;
	struct formula_error *error;
};

__attribute__((format(printf, 2, 3))) static double refuse(
	struct parser *parser, const char *fmt, ...)
{
	va_list args;

	if (parser->err)
		return NAN;
	va_start(args, fmt);
	vsnprintf(parser->error->text, sizeof(parser->error->text), fmt, args);
	va_end(args);
	parser->err = -EINVAL;
	return NAN;
}

int formula_quantity(const char *text, double *ret)
{
	uint64_t whole;
	double rate;

	if (units_parse_size(text, &whole) == 0) {
		/* Only what has no unit may have a fraction that matters. */
		char *end;
		double plain = strtod(text, &end);

		*ret = *end ? (double)whole : plain;
		return 0;
	}
	if (units_parse_rate(text, &rate) == 0) {
		*ret = rate;
		return 0;
	}
	if (units_parse_duration(text, &whole) == 0) {
		*ret = (double)whole * NS_TO_S;
		return 0;
	}
	return -EINVAL;
}

static double sum(struct parser *parser);

static char skip_blanks(struct parser *parser)
{
	while (*parser->at == ' ')
		parser->at++;
	return *parser->at;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

static double value(struct parser *parser)
{
	char word[WORD_MAX + 1];
	size_t len = 0;
	double number;

	while (is_word(parser->at[len]))
		len++;
	if (len == 0 || len > WORD_MAX)
		return refuse(parser, "must have a number or a name at \"%.20s\"", parser->at);
	memcpy(word, parser->at, len);
	word[len] = '\0';
	parser->at += len;
	if (isdigit((unsigned char)word[0]) || word[0] == '.') {
		if (formula_quantity(word, &number) < 0)
			return refuse(
				parser, "%s: not a number, size or time (64MiB, 5s, 0.5)", word);
		return number;
	}
	for (size_t i = 0; i < parser->count; i++)
		if (strcmp(parser->names[i].name, word) == 0)
			return parser->names[i].value;
	return refuse(parser, "%s: nothing of this name is drawn before it", word);
}

static double factor(struct parser *parser)
{
	double inside;

	if (skip_blanks(parser) != '(')
		return value(parser);
	if (++parser->depth > DEPTH_MAX)
		return refuse(parser, "more than %d parentheses", DEPTH_MAX);
	parser->at++;
	inside = sum(parser);
	if (parser->err)
		return NAN;
	if (skip_blanks(parser) != ')')
		return refuse(parser, "\")\" is missing at \"%.20s\"", parser->at);
	parser->at++;
	parser->depth--;
	return inside;
}

static double product(struct parser *parser)
{
	double left = factor(parser);

	while (!parser->err) {
		char op = skip_blanks(parser);
		double right;

		if (op != '*' && op != '/')
			break;
		parser->at++;
		right = factor(parser);
		left = op == '*' ? left * right : left / right;
	}
	return left;
}

static double sum(struct parser *parser)
{
	double left = product(parser);

	while (!parser->err) {
		char op = skip_blanks(parser);
		double right;

		if (op != '+' && op != '-')
			break;
		parser->at++;
		right = product(parser);
		left = op == '+' ? left + right : left - right;
	}
	return left;
}

/* @at is behind the opening brace, and after it behind the closing one. */
static double formula(struct parser *parser)
{
	double result = sum(parser);

	if (parser->err)
		return NAN;
	if (skip_blanks(parser) != '}')
		return refuse(parser, "\"}\" is missing at \"%.20s\"", parser->at);
	parser->at++;
	if (!isfinite(result) || result < 0)
		return refuse(parser, "is %g: must be a number from 0 on", result);
	return result;
}

int formula_expand(const char *text, const struct formula_name *names, size_t count, char **ret,
	struct formula_error *error)
{
	struct parser parser = { .at = text, .names = names, .count = count, .error = error };
	_cleanup_free_ char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);

	if (!out)
		return -ENOMEM;
	while (*parser.at && !parser.err) {
		double number;

		if (*parser.at != '{') {
			fputc(*parser.at++, out);
			continue;
		}
		parser.at++;
		number = formula(&parser);
		if (!parser.err)
			fprintf(out, number >= 1e5 ? "%.0f" : "%.6f", number);
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	if (parser.err)
		return parser.err;
	*ret = cleanup_steal_ptr(expanded);
	return 0;
}
