/* SPDX-License-Identifier: Apache-2.0
 * Optimal string alignment over three rows of the distance table, blind to case. */
#include "base/suggest.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 64 /* longer words are never near */

static int cost(char a, char b) {
    return tolower((unsigned char)a) != tolower((unsigned char)b);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

static int distance(const char *a, int a_length, const char *b, int b_length) {
    int rows[3][LONGEST + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (int j = 0; j <= b_length; j++) {
        last[j] = j;
    }
    for (int i = 1; i <= a_length; i++) {
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + cost(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        int *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[b_length];
}

const char *suggest(const char *word, const char *const *words, int count) {
    const size_t length = strlen(word);
    const char *nearest = NULL;
    int nearest_distance = 0;
    for (int i = 0; i < count; i++) {
        const size_t other = words[i] ? strlen(words[i]) : 0;
        if (length == 0 || other == 0 || length > LONGEST || other > LONGEST) {
            continue;
        }
        const int longer = (int)(length > other ? length : other);
        const int d = distance(word, (int)length, words[i], (int)other);
        const int allowed = longer < 6 ? 1 : longer / 3;
        /* One letter of two is a mistake; one letter of one is another word. */
        if (d <= allowed && d < longer && (!nearest || d < nearest_distance)) {
            nearest = words[i];
            nearest_distance = d;
        }
    }
    return nearest;
}
