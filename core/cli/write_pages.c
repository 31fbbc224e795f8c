/* SPDX-License-Identifier: Apache-2.0
 * Prints what an installation has beside the program, from the tables of commands, so that neither
 * can differ from `--help`: `write_pages man | bash | zsh | fish`. Runs while kindred is built. */
#include "cli/command_groups.h"
#include "cli/write_completion.h"

#include <string.h>

/* A text as roff has it: escapes doubled, no line that begins as a request does. */
static void print_roff(const char *text, size_t length) {
    bool at_start = true;
    for (size_t i = 0; i < length; i++) {
        if (at_start && (text[i] == '.' || text[i] == '\'')) {
            fputs("\\&", stdout);
        }
        fputs(text[i] == '\\'  ? "\\e"
              : text[i] == '-' ? "\\-"
                               : (const char[]){text[i], 0},
              stdout);
        at_start = text[i] == '\n';
    }
}

static void print_section(const command *c) {
    const char *end = strchr(c->help, '\n');
    printf(".SS kindred ");
    print_roff(c->name, strlen(c->name));
    printf("\n.B ");
    print_roff(c->help, (size_t)(end - c->help));
    printf("\n.PP\n.nf\n");
    print_roff(end + 1 + strspn(end + 1, "\n"), strlen(end + 1 + strspn(end + 1, "\n")));
    printf(".fi\n");
}

static void print_sections(const command *first) {
    for (const command *c = first; c->name; c++) {
        print_section(c);
    }
}

static const char beginning[] = ".SH NAME\n"
                                "kindred \\- pretrain image encoders without labels\n"
                                ".SH SYNOPSIS\n"
                                ".B kindred\n"
                                ".IR COMMAND \" ...\"\n"
                                ".SH DESCRIPTION\n"
                                "Trains an encoder of images as a YAML file says, with plugins "
                                "for methods, backbones, data, evals and devices.\n"
                                ".SH COMMANDS\n";

static const char ending[] =
    ".SH FILES\n"
    ".TP\n"
    ".I ~/.local/share/kindred/plugins\n"
    "plugins of the user, in a folder named after the machine\n"
    ".TP\n"
    ".I runs/NAME\n"
    "what a run leaves\n"
    ".SH ENVIRONMENT\n"
    ".TP\n"
    ".B KINDRED_PLUGIN_PATH\n"
    "absolute folders, with a colon between them, to look for plugins in\n"
    ".SH \"EXIT STATUS\"\n"
    "0 done, 1 an error, 2 a wrong use of the command line, 130 interrupted and 143 terminated, "
    "after a checkpoint.\n";

static void print_manual(void) {
    printf(".\\\" SPDX-License-Identifier: Apache-2.0\n");
    printf(".TH KINDRED 1 \"\" \"kindred %s\" \"User Commands\"\n%s", KINDRED_VERSION, beginning);
    print_sections(commands);
    for (const command_group *g = command_groups; g->name; g++) {
        print_sections(g->commands);
    }
    fputs(ending, stdout);
}

static const struct {
    const char *name;
    void (*print)(void);
} pages[] = {{"man", print_manual}, {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof pages / sizeof *pages && argc == 2; i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].print();
            return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
        }
    }
    fputs("write_pages man | bash | zsh | fish\n", stderr);
    return STATUS_USAGE;
}
