/* SPDX-License-Identifier: Apache-2.0
 * The word that someone may have meant. */
#ifndef CORE_BASE_SUGGEST_H
#define CORE_BASE_SUGGEST_H

/* The word nearest to `word` by insertions, deletions, replacements and swaps of neighbours, upper
 * and lower case being the same; the first one of equals. NULL when nothing is near: one letter, or
 * a third of the letters of a long word, may differ. words[i] may be NULL and is skipped then. */
const char *suggest(const char *word, const char *const *words, int count);

#endif
