/* SPDX-License-Identifier: Apache-2.0
 * What the run was made with, as its folder has it. */
#include "report/sections.h"

#include "base/file.h"

#include <stdlib.h>

static void write_file(html *h, const run_folder *folder, const char *name) {
    char path[4096], *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    html_markup(h, "<details><summary>");
    html_text(h, "%s", name);
    html_markup(h, "</summary>\n");
    if (file_read(path, 4 << 20, &text, &bytes, &err)) {
        html_markup(h, "<pre tabindex=\"0\">");
        html_text(h, "%s", text);
        html_markup(h, "</pre>");
    } else {
        html_markup(h, "<p class=\"soft\">");
        html_text(h, "%s", err.message);
        html_markup(h, "</p>");
    }
    free(text);
    html_markup(h, "</details>\n");
}

void section_files(html *h, const report_source *from) {
    section_begin(h, "configuration", "Configuration");
    html_markup(h, "<p class=\"soft\">With every default written out; <code>kindred train</code> "
                   "reads it as it is.</p>\n");
    write_file(h, from->folder, "config.yaml");
    section_end(h);
    section_begin(h, "made-with", "Plugins and environment");
    write_file(h, from->folder, "plugins.lock");
    write_file(h, from->folder, "environment.json");
    section_end(h);
}
