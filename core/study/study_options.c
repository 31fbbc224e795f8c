/* SPDX-License-Identifier: Apache-2.0
 * Every key of a study, with its default, its range and its help. */
#include "study/study_options.h"

#include <assert.h>
#include <string.h>

/* clang-format off */
static const option study_options[] = {
    OPTION_TEXT(study_keys, name, "", "the study's folder is studies/NAME; empty: the file's name without .yaml"),
    OPTION_INTS(study_keys, seeds, "[1, 2, 3]", 0, , "every row of the table has a run of each"),
    OPTION_CHOICE(study_keys, equal, "steps", "steps|epochs",
                  "what the arms, and the values of the compared axis, have equally much of, where their data have unequal numbers of "
                  "samples; steps: as many as the baseline's, schedules too, or the first value's of an axis that is not compared"),
};
static const option axis_options[] = {
    OPTION_REQUIRED_TEXT(axis_keys, axis, "a word for the table: arm, method, ..."),
    OPTION_TEXT(axis_keys, key, "", "the key of the run that `values`, then a list, are of: data.pairs.arm; empty: each value is a map of "
                "the run's keys under its name, with `without` or `only`, lists of names, to take ops out of every view's"),
};
static const option compare_options[] = {
    OPTION_TEXT(compare_keys, axis, "", "whose values are compared; empty: none are"),
    OPTION_TEXT(compare_keys, baseline, "", "the value that the others are compared with; empty: the axis' first"),
};
static const option paper_options[] = {
    OPTION_TEXT(paper_keys, note, "", "printed under the table"),
};

#define SECTION(path_, options_, help_) \
    {.path = (path_), .options = (options_), .count = OPTION_COUNT(options_), .help = (help_)}
const section study_sections[] = {
    SECTION("", study_options, "the study"),
    {.path = "run", .help = "the run that all runs begin from: every key of a run but name and seed"},
    {.path = "overrides", .help = "a list of texts `key=value`, as on the command line: they win over what the matrix says"},
    SECTION("matrix[]", axis_options, "a list of axes, each with its `values`: there is a row for each choice of one value an axis"),
    SECTION("compare", compare_options, "differences, paired by seed, with their confidence intervals"),
    SECTION("paper[]", paper_options, "a list of published numbers: `of`, a value for each of some axes, and `values`, percent by an eval's name"),
};
/* clang-format on */
const int study_section_count = OPTION_COUNT(study_sections);

const section *study_section(const char *path) {
    for (int i = 0; i < study_section_count; i++) {
        if (strcmp(study_sections[i].path, path) == 0) {
            return &study_sections[i];
        }
    }
    assert(!"every section is in the table");
    return NULL;
}
