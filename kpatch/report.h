/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command found, as a tree, for programs to read: printed as JSON or YAML. Keys are
 * stable. Memory comes from the arena given at the start.
 */
#ifndef KPATCH_REPORT_H
#define KPATCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct node;

/* The root, a map. */
struct node *report_new(struct arena *a);
/* @key is a literal, NULL in a list. Strings are copied; a NULL string becomes null. */
struct node *report_map(struct node *in, const char *key);
struct node *report_list(struct node *in, const char *key);
void report_string(struct node *in, const char *key, const char *value);
void report_number(struct node *in, const char *key, int64_t value);
void report_bool(struct node *in, const char *key, bool value);

/* 0 or -errno of writing. */
int report_print_json(const struct node *root, FILE *f);
int report_print_yaml(const struct node *root, FILE *f);

#endif
