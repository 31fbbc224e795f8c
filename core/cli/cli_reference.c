/* SPDX-License-Identifier: Apache-2.0
 * The page of docs/reference on the host's own keys. */
#include "cli/cli_reference.h"

#include "study/study_options.h"
#include "train/recipe.h"
#include "train/run_options.h"

static void print_recipes(void) {
    const char *source = NULL, *name;
    printf("\n## `views[].recipe`\n\nHow images become views; [augmentation](../augmentation.md) "
           "has the "
           "operations.\n\n| recipe | source |\n|---|---|\n");
    for (int i = 0; (name = recipe_at(i, &source)); i++) {
        printf("| `%s` | %s |\n", name, source);
    }
}

static void print_sections(const section *sections, int count, const char *whole) {
    for (int i = 0; i < count; i++) {
        const section *s = &sections[i];
        printf("\n## %s%s%s\n\n", *s->path ? "`" : whole, s->path, *s->path ? "`" : "");
        printf("%c%s.\n", s->help[0] & ~0x20, s->help + 1);
        if (s->count) {
            printf("\n");
            print_options(s->options, s->count);
        }
    }
}

void print_run_page(void) {
    printf("# The keys of a run\n\nWhat a YAML file may hold, beside the options of the plugins "
           "that it "
           "names.\n\n"
           "`include: FILE` or `include: [FILE, ...]` in any map stands for the keys of other "
           "files, relative\nto the file that names them. Maps merge key by key; what the "
           "including file says wins over what\nit includes, a later file over an earlier one; "
           "lists replace, and so does a map that names another `plugin`. The\n`config.yaml` of a "
           "run's folder has no includes left.\n");
    print_sections(run_sections, run_section_count, "The run");
    print_recipes();
    printf("\n# The keys of a study\n\nWhat a YAML file of `kindred study` may hold; "
           "[studies](../studies.md) says how they go\ntogether.\n");
    print_sections(study_sections, study_section_count, "The study");
}
