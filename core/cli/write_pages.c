/* SPDX-License-Identifier: Apache-2.0
 * Prints what an installation has beside the program, from the tables of commands, so that neither
 * can differ from `--help`: `write_pages man | bash | zsh`. Runs while kindred is built. */
#include "cli/cli_plugin.h"

#include <string.h>

typedef void visit(const command *c);

static void each_command(visit *see) {
    for (const command *c = commands; c->name; c++) {
        see(c);
    }
    for (const command *c = plugin_commands; c->name; c++) {
        see(c);
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

static const char plugin_word[] = "plugin ";

static bool is_plugin_command(const command *c) {
    return strncmp(c->name, plugin_word, strlen(plugin_word)) == 0;
}

static void print_name(const command *c) {
    if (!is_plugin_command(c)) {
        printf("%s ", c->name);
    }
}

static void print_plugin_name(const command *c) {
    if (is_plugin_command(c)) {
        printf("%s ", c->name + strlen(plugin_word));
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

static const char bash_beginning[] =
    "# bash completion for kindred\n"
    "_kindred() {\n"
    "    local now=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} first=2 options=\n"
    "    if [[ $name = plugin ]] && ((COMP_CWORD > 2)); then\n"
    "        name=\"plugin ${COMP_WORDS[2]}\"\n"
    "        first=3\n"
    "    fi\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        options='";

static void print_bash(void) {
    fputs(bash_beginning, stdout);
    each_command(print_name);
    printf("plugin --help --version'\n    elif [[ $name = plugin ]]; then\n        options='");
    each_command(print_plugin_name);
    printf("--help'\n    elif [[ $now = -* ]] && ((COMP_CWORD >= first)); then\n"
           "        case $name in\n");
    each_command(print_case);
    printf("        esac\n    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$now\")\n}\n"
           "complete -o default -F _kindred kindred\n");
}

static void print_summary(const command *c, bool plugins) {
    if (is_plugin_command(c) == plugins) {
        printf("        '%s:", c->name + (plugins ? strlen(plugin_word) : 0));
        for (const char *at = c->summary; *at; at++) {
            fputs(*at == '\'' ? "'\\''" : (const char[]){*at, 0}, stdout);
        }
        printf("'\n");
    }
}

static void print_own_summary(const command *c) {
    print_summary(c, false);
}

static void print_plugin_summary(const command *c) {
    print_summary(c, true);
}

static void print_zsh(void) {
    printf("#compdef kindred\n# zsh completion for kindred\n"
           "local name=$words[2] options\nlocal -a commands plugin_commands\ncommands=(\n");
    each_command(print_own_summary);
    printf("        'plugin:find, make and check plugins'\n)\nplugin_commands=(\n");
    each_command(print_plugin_summary);
    printf(")\nif ((CURRENT == 2)); then\n    _describe command commands\n    return\nfi\n"
           "if [[ $name = plugin ]]; then\n    if ((CURRENT == 3)); then\n"
           "        _describe command plugin_commands\n        return\n    fi\n"
           "    name=\"plugin $words[3]\"\nfi\n"
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
