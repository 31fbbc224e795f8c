/* SPDX-License-Identifier: Apache-2.0
 * Prints what an installation has beside the program, from the tables of commands, so that neither
 * can differ from `--help`: `write_pages man | bash | zsh`. Runs while kindred is built. */
#include "cli/command_groups.h"

#include <string.h>

typedef void visit(const command *c);

static void each_command(visit *see) {
    for (const command *c = commands; c->name; c++) {
        see(c);
    }
    for (const command_group *g = command_groups; g->name; g++) {
        for (const command *c = g->commands; c->name; c++) {
            see(c);
        }
    }
}

/* ---- The manual ---- */

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
    each_command(print_section);
    fputs(ending, stdout);
}

/* ---- Completion ---- */

static const char *own_name(const command_group *g, const command *c) {
    return c->name + strlen(g->name) + 1;
}

static void print_names(const char *between) {
    for (const command_group *g = command_groups; g->name; g++) {
        printf("%s%s", g == command_groups ? "" : between, g->name);
    }
}

/* Every option in a help text: "  --name". */
static void print_options_of(const command *c) {
    for (const char *at = c->help; (at = strstr(at, "\n  --")); at += 5) {
        const int length = (int)strcspn(at + 5, " \n=");
        printf("--%.*s ", length, at + 5);
    }
    printf("--help");
}

static void print_case(const command *c) {
    printf("        '%s') options='", c->name);
    print_options_of(c);
    printf("' ;;\n");
}

static void print_bash(void) {
    printf("# bash completion for kindred\n"
           "_kindred() {\n"
           "    local now=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} first=2 options=\n"
           "    case $name in\n    ");
    print_names(" | ");
    printf(")\n        first=3\n"
           "        ((COMP_CWORD == 2)) || name=\"$name ${COMP_WORDS[2]}\" ;;\n    esac\n"
           "    if ((COMP_CWORD == 1)); then\n        options='");
    for (const command *c = commands; c->name; c++) {
        printf("%s ", c->name);
    }
    print_names(" ");
    printf(" --help --version'\n    elif ((COMP_CWORD < first)) || [[ $now = -* ]]; then\n"
           "        case $name in\n");
    each_command(print_case);
    for (const command_group *g = command_groups; g->name; g++) {
        printf("        '%s') options='", g->name);
        for (const command *c = g->commands; c->name; c++) {
            printf("%s ", own_name(g, c));
        }
        printf("--help' ;;\n");
    }
    printf("        esac\n    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$now\")\n}\n"
           "complete -o default -F _kindred kindred\n");
}

static void print_summary(const char *name, const char *summary) {
    printf("        '%s:", name);
    for (const char *at = summary; *at; at++) {
        fputs(*at == '\'' ? "'\\''" : (const char[]){*at, 0}, stdout);
    }
    printf("'\n");
}

static void print_zsh(void) {
    printf("#compdef kindred\n# zsh completion for kindred\n"
           "local name=$words[2] options\nlocal -a commands of_group\ncommands=(\n");
    for (const command *c = commands; c->name; c++) {
        print_summary(c->name, c->summary);
    }
    for (const command_group *g = command_groups; g->name; g++) {
        print_summary(g->name, g->summary);
    }
    printf(")\nif ((CURRENT == 2)); then\n    _describe command commands\n    return\nfi\n"
           "case $name in\n");
    for (const command_group *g = command_groups; g->name; g++) {
        printf("    '%s') of_group=(\n", g->name);
        for (const command *c = g->commands; c->name; c++) {
            print_summary(own_name(g, c), c->summary);
        }
        printf("    ) ;;\n");
    }
    printf("esac\nif (($#of_group)); then\n    if ((CURRENT == 3)); then\n"
           "        _describe command of_group\n        return\n    fi\n"
           "    name=\"$name $words[3]\"\nfi\n"
           "if [[ $words[CURRENT] = -* ]]; then\n    case $name in\n");
    each_command(print_case);
    printf("    esac\n    compadd -- ${=options}\nelse\n    _files\nfi\n");
}

static const struct {
    const char *name;
    void (*print)(void);
} pages[] = {{"man", print_manual}, {"bash", print_bash}, {"zsh", print_zsh}};

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof pages / sizeof *pages && argc == 2; i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].print();
            return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
        }
    }
    fputs("write_pages man | bash | zsh\n", stderr);
    return STATUS_USAGE;
}
